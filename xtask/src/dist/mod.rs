//! A folder for a static host: the built page, completed for its address.

mod base;
mod head;
mod oembed;

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha384};

pub use base::Base;

use crate::cli::DistOptions;
use crate::compress;
use crate::error::Error;
use crate::headers;
use crate::html;
use crate::page;
use crate::precache;
use crate::process::{self, announce};
use crate::project::Project;

const STEP: &str = "making the site";
/// Marks a folder that may be replaced.
const MARK: &str = ".stridescope-site";
const MARK_TEXT: &str = "Made by `cargo xtask dist`, which makes this whole folder anew each time.\n";
/// The default output folder.
const OUT: &str = "site";

/// The inputs of a site.
pub struct Source {
    /// The page's folder.
    pub dist: PathBuf,
    /// sw.js without its file lists.
    pub service_worker: PathBuf,
    /// The cache of compressed files.
    pub compressed: PathBuf,
}

impl Source {
    /// The last build of this project.
    pub fn of(project: &Project) -> Self {
        Self { dist: project.dist(), service_worker: project.service_worker(), compressed: project.compressed() }
    }
}

/// Builds the page and makes a site from it.
pub fn run(project: &Project, options: &DistOptions) -> Result<(), Error> {
    let out = match &options.out {
        Some(out) => std::path::absolute(out).map_err(|error| Error::file(STEP, out, error))?,
        None => project.root.join(OUT),
    };
    // Check everything that can fail before the build, which takes minutes.
    let source = Source::of(project);
    if out.starts_with(&source.dist) || source.dist.starts_with(&out) {
        return Err(refused(&out, "overlaps with the built page"));
    }
    check_replaceable(&out)?;
    check_pictures(&project.root, &options.base)?;

    page::build_within_budget(project)?;
    announce(STEP);
    let files = make(&source, &options.base, &out)?;
    let base = &options.base;
    let address = base.url();
    process::print(&format!(
        "{} holds {files} files for {}: see deploy/README.md",
        out.display(),
        address.as_ref().unwrap_or(&base.path)
    ));
    if base.origin.is_none() {
        process::print(
            "without a full address there are no link previews, canonical and hreflang links, oEmbed, robots.txt and sitemap.xml",
        );
    }
    Ok(())
}

/// Makes the site beside `out`, then moves it there. Returns its number of files.
fn make(source: &Source, base: &Base, out: &Path) -> Result<usize, Error> {
    let partial = partial(out);
    check_replaceable(&partial)?;
    clear(&partial)?;
    write(&partial.join(MARK), MARK_TEXT)?;
    complete(source, base, &partial)?;
    // Compress last, when the files are final.
    compress::all(&partial, &source.compressed)?;
    compress::gzip_all(&partial)?;
    let files = compress::files_below(&partial)?.len();

    check_replaceable(out)?;
    clear(out)?;
    fs::rename(&partial, out).map_err(|error| Error::file(STEP, out, error))?;
    Ok(files)
}

/// Copies the page to `site` and completes it for its address.
pub fn complete(source: &Source, base: &Base, site: &Path) -> Result<(), Error> {
    copy(&source.dist, site)?;
    let index = site.join("index.html");
    let page = fs::read_to_string(&index).map_err(|error| Error::file(STEP, &index, error))?;
    write(&site.join("404.html"), &missing_page(base, &page))?;
    write(&index, &head::complete(&page, base, |file| checksum(site, file)))?;
    write(&site.join(".nojekyll"), "")?;
    write(&site.join("_headers"), &headers::netlify(&base.path, base.origin.as_deref()))?;
    if let Some(url) = base.url() {
        write(&site.join("robots.txt"), &format!("User-agent: *\nAllow: /\nSitemap: {url}sitemap.xml\n"))?;
        write(&site.join("sitemap.xml"), &head::sitemap(&url))?;
        for preset in oembed::ALL {
            write(&site.join(preset.path()), &preset.describe(&url).to_string())?;
        }
    }
    // The lists contain the checksums of all other files.
    precache::write(site, &source.service_worker)
}

/// Checks the preview images, which only a site with a full address can reference.
fn check_pictures(root: &Path, base: &Base) -> Result<(), Error> {
    if base.origin.is_none() {
        return Ok(());
    }
    let names = ["page"].into_iter().chain(oembed::ALL.map(|preset| preset.figure));
    let missing: Vec<String> = names.map(oembed::picture).filter(|path| !root.join(path).is_file()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let (verb, them) = if missing.len() == 1 { ("is", "it") } else { ("are", "them") };
    let remedy = format!("Add {them}, 1200 x 630 pixels, or give only a path to `--base`.");
    Err(Error::new(STEP, format!("{} {verb} missing", missing.join(", ")), remedy))
}

/// Checks that the folder is missing, empty, or the output of an earlier run.
fn check_replaceable(folder: &Path) -> Result<(), Error> {
    if !folder.exists() {
        return Ok(());
    }
    if !folder.is_dir() {
        return Err(refused(folder, "is a file"));
    }
    let mut entries = fs::read_dir(folder).map_err(|error| Error::file(STEP, folder, error))?;
    if entries.next().is_none() || folder.join(MARK).is_file() {
        return Ok(());
    }
    Err(refused(folder, "holds files that this task did not make"))
}

fn refused(folder: &Path, why: &str) -> Error {
    Error::new(STEP, format!("{} {why}", folder.display()), "Choose another with `--out FOLDER`, or move it away.")
}

/// The temporary folder of a site.
fn partial(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_os_string();
    name.push(".partial");
    PathBuf::from(name)
}

/// Deletes a folder; the caller has checked that this is allowed.
fn clear(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file(STEP, folder, error)),
        _ => Ok(()),
    }
}

/// Copies everything except compressed forms.
fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    for path in compress::files_below(from)? {
        if compress::is_compressed(&path) {
            continue;
        }
        let target = to.join(path.strip_prefix(from).unwrap_or(&path));
        let folder = target.parent().unwrap_or(to);
        let copied = fs::create_dir_all(folder).and_then(|()| fs::copy(&path, &target));
        copied.map_err(|error| Error::file(STEP, &target, error))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).and_then(|()| fs::write(path, text)).map_err(|error| Error::file(STEP, path, error))
}

/// The checksum of a file of the site, given its relative address, in the form of the attribute `integrity`.
fn checksum(site: &Path, address: &str) -> Option<String> {
    let bytes = fs::read(site.join(address.strip_prefix("./")?)).ok()?;
    Some(format!("sha384-{}", STANDARD.encode(Sha384::digest(bytes))))
}

/// The host's page for 404. It may be served at any address, so its links are absolute paths.
fn missing_page(base: &Base, page: &str) -> String {
    let mut styles = String::new();
    html::change_tags(page, |tag| {
        if let (Some("stylesheet"), Some(file)) = (tag.get("rel"), tag.get("href").and_then(|href| href.strip_prefix("./"))) {
            styles = format!("    <link rel=\"stylesheet\" href=\"{}{file}\">\n", base.path);
        }
        None
    });
    let path = &base.path;
    format!(
        "<!doctype html>
<html lang=\"en\">
  <head>
    <meta charset=\"utf-8\">
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
    <meta name=\"color-scheme\" content=\"light dark\">
    <title>Nothing here: Stridescope</title>
    <link rel=\"icon\" href=\"{path}assets/icon.svg\" type=\"image/svg+xml\">
{styles}  </head>
  <body>
    <main class=\"wrap lede\">
      <h1>There is nothing at this address.</h1>
      <p>Everything is on one page: <a href=\"{path}\">Stridescope</a>.</p>
      <p lang=\"ko\">이 주소에는 아무것도 없습니다. 모든 것은 <a href=\"{path}\">Stridescope</a> 한 페이지에 있습니다.</p>
    </main>
  </body>
</html>
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<!doctype html><head><meta charset="utf-8"><link rel="stylesheet" href="./styles-0123456789abcdef.css"/>
<script type="module" src="./assets/start.js" data-wasm="./app.wasm"></script></head>"#;

    fn source(folder: &Path) -> std::io::Result<Source> {
        let dist = folder.join("dist");
        fs::create_dir_all(dist.join("assets"))?;
        let files = [("index.html", PAGE), ("styles-0123456789abcdef.css", "p{}"), ("app.wasm", "app"), ("assets/start.js", "1")];
        for (name, text) in files {
            fs::write(dist.join(name), text)?;
        }
        fs::write(dist.join("index.html.br"), "of the page as it was built")?;
        let service_worker = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/sw.js");
        Ok(Source { dist, service_worker, compressed: folder.join("cache") })
    }

    fn names(folder: &Path) -> Result<Vec<String>, Error> {
        let files = compress::files_below(folder)?;
        let inside = |path: &PathBuf| path.strip_prefix(folder).unwrap_or(path).to_string_lossy().replace('\\', "/");
        let mut names: Vec<String> = files.iter().filter(|path| !compress::is_compressed(path)).map(inside).collect();
        names.sort();
        Ok(names)
    }

    #[test]
    fn a_site_is_replaced_and_completed_for_its_address() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let (source, out) = (source(folder.path())?, folder.path().join("site"));
        let always = [
            ".nojekyll",
            ".stridescope-site",
            "404.html",
            "_headers",
            "app.wasm",
            "assets/start.js",
            "index.html",
            "styles-0123456789abcdef.css",
            "sw.js",
        ];
        let addressed = [
            "oembed/architecture.json",
            "oembed/cost.json",
            "oembed/features.json",
            "oembed/predict.json",
            "oembed/strides.json",
            "robots.txt",
            "sitemap.xml",
        ];
        for (base, has_address) in [("https://example.org/sub/", true), ("/sub/", false)] {
            make(&source, &Base::parse(base)?, &out)?;
            let mut expected = always.to_vec();
            if has_address {
                expected.extend(addressed);
            }
            expected.sort_unstable();
            assert_eq!(names(&out)?, expected, "{base}");
            assert!(!partial(&out).exists());

            let page = fs::read_to_string(out.join("index.html"))?;
            let sum = "sha384-".to_string() + &STANDARD.encode(Sha384::digest("1"));
            assert!(page.contains(&format!("src=\"./assets/start.js\" data-wasm=\"./app.wasm\" integrity=\"{sum}\"")), "{page}");
            let gone = fs::read_to_string(out.join("404.html"))?;
            assert!(gone.contains("href=\"/sub/styles-0123456789abcdef.css\"") && gone.contains("href=\"/sub/\""), "{gone}");

            let mut compressed = Vec::new();
            brotli::BrotliDecompress(&mut fs::File::open(out.join("index.html.br"))?, &mut compressed)?;
            assert_eq!(compressed, page.as_bytes(), "the compressed page is the completed one");
            let unpacked = std::io::read_to_string(flate2::read::GzDecoder::new(fs::File::open(out.join("index.html.gz"))?))?;
            assert_eq!(unpacked, page);
            let sum = format!("\"./\": \"sha256-{}\"", STANDARD.encode(sha2::Sha256::digest(&page)));
            assert!(fs::read_to_string(out.join("sw.js"))?.contains(&sum), "the worker knows the completed page");
        }
        Ok(())
    }

    #[test]
    fn only_an_earlier_site_is_overwritten() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let out = folder.path().join("out");
        assert!(check_replaceable(&out).is_ok(), "nothing is there");
        fs::create_dir(&out)?;
        assert!(check_replaceable(&out).is_ok(), "it is empty");
        fs::write(out.join("thesis.txt"), "three years of work")?;
        let error = make(&source(folder.path())?, &Base::parse("/")?, &out).expect_err("not ours").to_string();
        assert!(error.contains("did not make") && error.contains("--out"), "{error}");
        assert_eq!(names(&out)?, ["thesis.txt"]);
        assert!(check_replaceable(&out.join("thesis.txt")).is_err(), "a file");
        fs::write(out.join(MARK), MARK_TEXT)?;
        assert!(check_replaceable(&out).is_ok(), "made before");
        Ok(())
    }

    #[test]
    fn missing_preview_images_are_reported_for_a_full_address() -> Result<(), Box<dyn std::error::Error>> {
        let root = tempfile::tempdir()?;
        let address = Base::parse("https://example.org/")?;
        let check = |base: &Base| check_pictures(root.path(), base).map_err(|error| error.to_string());
        assert_eq!(check(&Base::parse("/")?), Ok(()));
        let error = check(&address).expect_err("none is there");
        assert!(error.contains("assets/og/page.png, assets/og/architecture.png, ") && error.contains(" are missing"), "{error}");

        fs::create_dir_all(root.path().join("assets/og"))?;
        for name in ["page", "architecture", "strides", "features", "predict"] {
            fs::write(root.path().join(oembed::picture(name)), "")?;
        }
        assert!(check(&address).expect_err("one is not").contains("assets/og/cost.png is missing"));
        fs::write(root.path().join(oembed::picture("cost")), "")?;
        assert_eq!(check(&address), Ok(()));
        Ok(())
    }
}
