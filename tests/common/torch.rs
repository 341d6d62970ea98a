//! Hand-made files in the format of PyTorch's `torch.save`.

use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// The opcode that imports the constructor of a tensor.
pub const REBUILD: &[u8] = b"ctorch._utils\n_rebuild_tensor_v2\n";

/// A zip with these entries, stored without compression.
pub fn zipped(parts: &[(&str, &[u8])]) -> Vec<u8> {
    remarked(parts, "")
}

/// Likewise, with a comment at its end.
pub fn remarked(parts: &[(&str, &[u8])], remark: &str) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        zip.start_file(*name, SimpleFileOptions::default().compression_method(CompressionMethod::Stored)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.set_comment(remark).unwrap();
    zip.finish().unwrap().into_inner()
}

/// A tensor of a storage of this type, with offset, shape and stride as pickle opcodes.
pub fn tensor(storage: &str, offset: &[u8], shape: &[u8], stride: &[u8]) -> Vec<u8> {
    let store = format!("((X\x07\0\0\0storagectorch\n{storage}\nX\x01\0\0\x000X\x03\0\0\0cpuK\x10tQ");
    [REBUILD, store.as_bytes(), offset, shape, stride, b"\x89ccollections\nOrderedDict\n)RtR"].concat()
}

/// `{"x": tensor}`.
pub fn named(tensor: &[u8]) -> Vec<u8> {
    [b"\x80\x02}X\x01\0\0\0x", tensor, b"s."].concat()
}
