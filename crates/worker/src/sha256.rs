//! SHA-256 of a file: the browser's, which is quicker, or one that follows a long download.

use super::opfs::hex;
use js_sys::{Promise, Uint8Array};
use sha2::{Digest, Sha256};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;

/// Up to so many bytes are left to the browser. It takes a copy of them.
const SMALL: u64 = 16 << 20;

#[wasm_bindgen]
extern "C" {
    /// Only a page that came over a secure connection has it.
    #[wasm_bindgen(catch, js_namespace = ["crypto", "subtle"], js_name = digest)]
    fn browser_digest(algorithm: &str, bytes: &[u8]) -> Result<Promise, JsValue>;
}

/// The sum of bytes that come one after another.
pub struct Hasher(Option<Sha256>);

impl Hasher {
    /// Of a file of that many bytes, where it is known how many.
    pub fn of(bytes: Option<u64>) -> Self {
        Self(if bytes.is_some_and(|bytes| bytes <= SMALL) { None } else { Some(Sha256::new()) })
    }

    /// Hears of the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        if let Some(digest) = &mut self.0 {
            digest.update(bytes);
        }
    }

    /// The hexadecimal digits, when everything was heard; `all` is all of it.
    pub async fn digits(self, all: &[u8]) -> String {
        match self.0 {
            Some(digest) => hex(&digest.finalize()),
            None => hex(&browsers(all).await.unwrap_or_else(|| Sha256::digest(all).to_vec())),
        }
    }
}

/// Of bytes that are all there, in hexadecimal digits.
pub async fn sha256(bytes: &[u8]) -> String {
    let mut sum = Hasher::of(Some(bytes.len() as u64));
    sum.update(bytes);
    sum.digits(bytes).await
}

async fn browsers(bytes: &[u8]) -> Option<Vec<u8>> {
    let asked = browser_digest("SHA-256", bytes).ok()?;
    Some(Uint8Array::new(&JsFuture::from(asked).await.ok()?).to_vec())
}
