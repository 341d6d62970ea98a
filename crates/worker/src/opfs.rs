//! The cache of weights: files in the browser's origin private file system (OPFS), each with a description beside it.
//!
//! Where the browser has none (a sandboxed frame, a private window), nothing is cached and everything else works.

use js_sys::{AsyncIterator, Function, Promise, Reflect, Uint8Array};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use stridescope_protocol::CachedFile;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, DomException, FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetDirectoryOptions, FileSystemGetFileOptions,
    FileSystemReadWriteOptions, FileSystemSyncAccessHandle, StorageEstimate, StorageManager, WorkerGlobalScope,
};

const FOLDER: &str = "weights";

/// The description beside a cached file. Written with the first byte, and again with the last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The weights source, as in a link.
    pub key: String,
    /// Its title.
    pub title: String,
    /// The address that the file came from.
    pub url: String,
    /// Bytes of the whole file.
    pub bytes: u64,
    /// SHA-256 of the whole file in hexadecimal digits, once it is complete.
    pub sha256: Option<String>,
    /// The text that describes the bytes: timm's `config.json`, or the manifest of a TensorFlow.js model.
    pub beside: Option<String>,
}

/// The site's folder of cached weights.
#[derive(Clone)]
pub struct Folder(FileSystemDirectoryHandle);

fn storage() -> Option<StorageManager> {
    let scope: WorkerGlobalScope = js_sys::global().dyn_into().ok()?;
    // Without a secure context there is no storage.
    Some(scope.navigator().storage()).filter(|storage| !storage.is_undefined())
}

/// Calls a method that not every browser has, and awaits its promise.
async fn ask<T: JsCast>(object: &JsValue, method: &str) -> Result<T, JsValue> {
    let method: Function = Reflect::get(object, &method.into())?.dyn_into()?;
    let promise: Promise = method.call0(object)?.dyn_into()?;
    JsFuture::from(promise).await?.dyn_into()
}

async fn root() -> Option<FileSystemDirectoryHandle> {
    ask(storage()?.as_ref(), "getDirectory").await.ok()
}

async fn access(handle: &FileSystemFileHandle) -> Result<FileSystemSyncAccessHandle, JsValue> {
    ask(handle.as_ref(), "createSyncAccessHandle").await
}

/// Hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file's name without its extension. Keys contain characters that no file name may.
fn stem(key: &str) -> String {
    hex(&Sha256::digest(key.as_bytes())[..16])
}

impl Folder {
    /// The folder, where the browser allows it; it is created if missing.
    pub async fn open() -> Option<Self> {
        Self::at(&root().await?, true).await
    }

    /// The folder if it exists; nothing is created. The outer option is none where the browser allows no cache.
    pub async fn existing() -> Option<Option<Self>> {
        Some(Self::at(&root().await?, false).await)
    }

    async fn at(root: &FileSystemDirectoryHandle, create: bool) -> Option<Self> {
        let options = FileSystemGetDirectoryOptions::new();
        options.set_create(create);
        let folder = JsFuture::from(root.get_directory_handle_with_options(FOLDER, &options)).await.ok()?;
        Some(Self(folder.dyn_into().ok()?))
    }

    async fn handle(&self, name: &str, create: bool) -> Result<FileSystemFileHandle, JsValue> {
        let options = FileSystemGetFileOptions::new();
        options.set_create(create);
        JsFuture::from(self.0.get_file_handle_with_options(name, &options)).await?.dyn_into()
    }

    async fn blob(&self, name: &str) -> Option<Blob> {
        let handle = self.handle(name, false).await.ok()?;
        JsFuture::from(handle.get_file()).await.ok()?.dyn_into().ok()
    }

    async fn description(&self, name: &str) -> Option<Description> {
        let text = JsFuture::from(self.blob(name).await?.text()).await.ok()?.as_string()?;
        serde_json::from_str(&text).ok()
    }

    /// A cached file, complete or not, and its description.
    pub async fn find(&self, key: &str) -> Option<(Description, Blob)> {
        let stem = stem(key);
        let description = self.description(&format!("{stem}.json")).await.filter(|description| description.key == key)?;
        Some((description, self.blob(&format!("{stem}.bin")).await?))
    }

    /// Opens a file for writing after `head`, which is written first unless the file already starts with it (`has_head`).
    pub async fn writer(&self, description: Description, head: &[u8], has_head: bool) -> Result<Writer, JsValue> {
        let stem = stem(&description.key);
        // Opened first: this locks out another tab that writes the same file.
        let handle = self.handle(&format!("{stem}.bin"), true).await?;
        let writer = Writer { folder: self.clone(), access: access(&handle).await?, at: head.len() as u64, description };
        if !has_head {
            writer.access.truncate_with_u32(0)?;
            if writer.access.write_with_u8_array(head)? < head.len() as f64 {
                return Err(full());
            }
        }
        writer.access.truncate_with_f64(writer.at as f64)?;
        self.write_text(&format!("{stem}.json"), &writer.description).await?;
        Ok(writer)
    }

    async fn write_text(&self, name: &str, description: &Description) -> Result<(), JsValue> {
        let text = serde_json::to_string(description).map_err(|error| JsValue::from_str(&error.to_string()))?;
        let handle = self.handle(name, true).await?;
        let access = access(&handle).await?;
        let bytes = text.as_bytes();
        let written = access.truncate_with_u32(0).and_then(|()| access.write_with_u8_array(bytes));
        access.close();
        if written? < bytes.len() as f64 { Err(full()) } else { Ok(()) }
    }

    /// Deletes a file.
    pub async fn remove(&self, key: &str) {
        let stem = stem(key);
        // The description is deleted last: while the bytes exist, the file must be listed.
        for name in [format!("{stem}.bin"), format!("{stem}.json")] {
            if JsFuture::from(self.0.remove_entry(&name)).await.is_err()
                && name.ends_with(".bin")
                && self.blob(&name).await.is_some()
            {
                return;
            }
        }
    }

    /// All cached files, sorted by title.
    pub async fn list(&self) -> Vec<CachedFile> {
        let mut files = Vec::new();
        let names: AsyncIterator = self.0.keys();
        while let Ok(next) = names.next() {
            let Ok(step) = JsFuture::from(next).await else { break };
            let is_done = Reflect::get(&step, &"done".into()).map_or(true, |done| done.is_truthy());
            let Some(name) = Reflect::get(&step, &"value".into()).ok().and_then(|name| name.as_string()).filter(|_| !is_done)
            else {
                break;
            };
            let Some(stem) = name.strip_suffix(".json") else { continue };
            let Some(description) = self.description(&name).await else { continue };
            let cached = self.blob(&format!("{stem}.bin")).await.map_or(0.0, |blob| blob.size());
            let is_whole = description.sha256.is_some();
            let Description { key, title, bytes, .. } = description;
            files.push(CachedFile { key, title, bytes, cached: cached as u64, is_whole });
        }
        files.sort_by(|a, b| a.title.cmp(&b.title));
        files
    }
}

/// The error where a file took fewer bytes than it was given: the browser reports none.
fn full() -> JsValue {
    JsValue::from_str("no room")
}

/// Whether another tab is writing the same file.
pub fn is_taken(error: &JsValue) -> bool {
    error.dyn_ref::<DomException>().is_some_and(|error| error.name() == "NoModificationAllowedError")
}

/// Bytes that this site uses and may use, by the browser's estimate.
pub async fn room() -> Option<(u64, u64)> {
    let estimate: StorageEstimate = JsFuture::from(storage()?.estimate().ok()?).await.ok()?.unchecked_into();
    Some((estimate.get_usage()? as u64, estimate.get_quota()? as u64))
}

/// A file that is being cached. While it is open no other tab writes it.
pub struct Writer {
    folder: Folder,
    description: Description,
    access: FileSystemSyncAccessHandle,
    at: u64,
}

impl Writer {
    /// Appends bytes; returns whether there was space.
    pub fn write(&mut self, bytes: &Uint8Array) -> bool {
        let options = FileSystemReadWriteOptions::new();
        options.set_at(self.at as f64);
        let written = self.access.write_with_buffer_source_and_options(bytes, &options);
        self.at += u64::from(bytes.length());
        written.is_ok_and(|written| written == f64::from(bytes.length()))
    }

    /// Restarts with an empty file.
    pub fn restart(&mut self) -> bool {
        self.at = 0;
        self.access.truncate_with_u32(0).is_ok()
    }

    /// Closes a complete file; returns whether its description could be written.
    pub async fn finish(mut self, sha256: &str) -> bool {
        let flushed = self.access.flush().is_ok();
        self.access.close();
        self.description.bytes = self.at;
        self.description.sha256 = Some(sha256.into());
        let name = format!("{}.json", stem(&self.description.key));
        let is_done = flushed && self.folder.write_text(&name, &self.description).await.is_ok();
        if !is_done {
            self.folder.remove(&self.description.key).await;
        }
        is_done
    }

    /// Closes and deletes the file.
    pub async fn drop_file(self) {
        self.access.close();
        self.folder.remove(&self.description.key).await;
    }
}

impl Drop for Writer {
    /// A file left open could not be written again; closing it twice is harmless. The bytes stay for the next attempt.
    fn drop(&mut self) {
        self.access.close();
    }
}
