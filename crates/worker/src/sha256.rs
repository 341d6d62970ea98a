//! SHA-256 of a file: by the browser, which is faster, or chunk by chunk during a long download.

use super::opfs::hex;
use js_sys::{Promise, Uint8Array};
use sha2::{Digest, Sha256};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;

/// Largest file in bytes that is left to the browser, which copies it.
const SMALL: u64 = 16 << 20;

#[wasm_bindgen]
extern "C" {
    /// Exists only in a secure context.
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = digest)]
    fn browser_digest(algorithm: &str, bytes: &[u8]) -> Result<Promise, JsValue>;
}

/// A hash that is updated chunk by chunk.
pub struct Hasher(Option<Sha256>);

impl Hasher {
    /// For a file of that many bytes, where known.
    pub fn of(bytes: Option<u64>) -> Self {
        Self(if bytes.is_some_and(|bytes| bytes <= SMALL) { None } else { Some(Sha256::new()) })
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        if let Some(digest) = &mut self.0 {
            digest.update(bytes);
        }
    }

    /// The hash in hexadecimal digits, after all bytes were added; `all` is the whole file.
    pub async fn digits(self, all: &[u8]) -> String {
        match self.0 {
            Some(digest) => hex(&digest.finalize()),
            None => hex(&browsers(all).await.unwrap_or_else(|| Sha256::digest(all).to_vec())),
        }
    }
}

/// SHA-256 of bytes in memory, in hexadecimal digits.
pub async fn sha256(bytes: &[u8]) -> String {
    let mut sum = Hasher::of(Some(bytes.len() as u64));
    sum.update(bytes);
    sum.digits(bytes).await
}

async fn browsers(bytes: &[u8]) -> Option<Vec<u8>> {
    let digest = browser_digest("SHA-256", bytes).ok()?;
    Some(Uint8Array::new(&JsFuture::from(digest).await.ok()?).to_vec())
}
