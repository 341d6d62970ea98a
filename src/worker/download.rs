//! Weights from somewhere else: taken up again where they broke off, checked, and kept where the visitor wants that.

use super::fetch::{FetchError, Incoming, Ticker, append};
use super::kept::{Description, Folder, Writer, digits};
use super::protocol::Step;
use super::stream::Bytes;
use crate::weights::source::{file_name, host};
use js_sys::{Promise, Uint8Array};
use sha2::{Digest, Sha256};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, WorkerGlobalScope};

/// How often a download is taken up again by itself, as long as more comes each time.
const ATTEMPTS: u32 = 5;
/// Largest file of weights: twice the largest network of the family.
const LARGEST: u64 = 1 << 30;

/// What is to be fetched.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Whose weights, as in a link.
    pub key: String,
    /// What they are called.
    pub title: String,
    /// The addresses whose bytes make the file, one after another.
    pub urls: Vec<String>,
    /// Bytes of every address but the last, where there are several.
    pub each: u64,
    /// Bytes in all, where they are known.
    pub bytes: Option<u64>,
    /// Of all bytes, in hexadecimal digits, where it is known.
    pub sha256: Option<String>,
    /// What says what the bytes are; kept with them.
    pub beside: Option<String>,
}

/// What came of an earlier try, where nothing is kept.
#[derive(Debug, Default)]
pub struct Partial {
    /// Whose.
    pub key: String,
    /// The bytes so far.
    pub bytes: Vec<u8>,
}

/// Hears what goes on, and says whether it should.
pub type Report<'a> = &'a mut dyn FnMut(Step) -> bool;

/// A download that goes on until it is whole.
struct Download<'a> {
    wanted: &'a Wanted,
    bytes: Vec<u8>,
    digest: Sha256,
    writer: Option<Writer>,
    /// Whether there was no room to keep it.
    is_full: bool,
}

/// Fetches everything. In `partial` is what an earlier try left in memory, and what this one leaves; `folder` keeps the file. The flag says
/// whether there was no room for that.
pub async fn download(
    wanted: &Wanted,
    partial: &mut Partial,
    folder: Option<&Folder>,
    report: Report<'_>,
) -> Result<(Vec<u8>, bool), FetchError> {
    let mut download = Download { wanted, bytes: Vec::new(), digest: Sha256::new(), writer: None, is_full: false };
    download.take_up(partial, folder, report).await?;
    match download.run(report).await {
        Ok(()) => {
            let sha256 = digits(download.digest);
            if wanted.sha256.as_ref().is_some_and(|known| *known != sha256) {
                if let Some(writer) = download.writer {
                    writer.drop_file().await;
                }
                let url = wanted.urls.first().map_or("", String::as_str);
                let file = if wanted.urls.len() > 1 { &wanted.title } else { file_name(url) };
                return Err(FetchError::OtherBytes { host: host(url).into(), file: file.into() });
            }
            let mut is_full = download.is_full;
            if let Some(writer) = download.writer {
                is_full |= !writer.finish(&sha256).await;
            }
            Ok((download.bytes, is_full))
        }
        Err(error) => {
            match download.writer {
                Some(writer) if !matches!(error, FetchError::TooMuch { .. }) => writer.leave(),
                Some(writer) => writer.drop_file().await,
                None if matches!(error, FetchError::Broken { .. } | FetchError::Status { .. }) => {
                    *partial = Partial { key: wanted.key.clone(), bytes: download.bytes };
                }
                None => {}
            }
            Err(error)
        }
    }
}

impl Download<'_> {
    fn total(&self) -> u64 {
        self.wanted.bytes.unwrap_or(0).max(self.bytes.len() as u64)
    }

    fn file(&self) -> String {
        self.wanted.urls.first().map_or_else(String::new, |url| file_name(url).into())
    }

    /// Makes room for the whole file at once, so that it lies in memory once.
    fn reserve(&mut self, bytes: u64) -> Result<(), FetchError> {
        let file = self.file();
        let memory = || FetchError::Memory { file: file.clone(), bytes };
        if bytes > LARGEST {
            return Err(memory());
        }
        let more = usize::try_from(bytes).map_err(|_| memory())?.saturating_sub(self.bytes.len());
        self.bytes.try_reserve_exact(more).map_err(|_| memory())
    }

    /// Begins with what an earlier try left, on the device or in memory.
    async fn take_up(&mut self, partial: &mut Partial, folder: Option<&Folder>, report: Report<'_>) -> Result<(), FetchError> {
        let before = std::mem::take(partial);
        if before.key == self.wanted.key {
            self.bytes = before.bytes;
        }
        if let Some(bytes) = self.wanted.bytes {
            self.reserve(bytes)?;
        }
        if let Some(folder) = folder {
            if self.bytes.is_empty()
                && let Some((description, blob)) = folder.find(&self.wanted.key).await
                && description.sha256.is_none()
                && self.wanted.bytes.is_some_and(|bytes| bytes == description.bytes && blob.size() < bytes as f64)
                && read(&blob, &mut self.bytes, &mut |_| report(Step::Device)).await.is_err()
            {
                self.bytes.clear();
            }
            let description = Description {
                key: self.wanted.key.clone(),
                title: self.wanted.title.clone(),
                url: self.wanted.urls.first().cloned().unwrap_or_default(),
                bytes: self.wanted.bytes.unwrap_or(0),
                sha256: None,
                beside: self.wanted.beside.clone(),
            };
            // Another tab may be fetching the same: then this one keeps nothing.
            let from = self.bytes.len() as u64;
            match folder.writer(description, from).await {
                Ok(writer) => self.writer = Some(writer),
                Err(error) => self.is_full = is_quota(&error),
            }
        }
        self.digest.update(&self.bytes);
        Ok(())
    }

    async fn run(&mut self, report: Report<'_>) -> Result<(), FetchError> {
        let mut attempt = 0;
        loop {
            let before = self.bytes.len();
            let error = match self.attempt(report).await {
                Ok(()) => return Ok(()),
                Err(error @ (FetchError::Broken { .. } | FetchError::Silent { .. })) => error,
                Err(error) => return Err(error),
            };
            attempt = if self.bytes.len() > before { 1 } else { attempt + 1 };
            // Nothing at all came: whoever is asked is not there, and asking again helps nobody.
            if self.bytes.is_empty() || attempt >= ATTEMPTS {
                return Err(match error {
                    FetchError::Silent { host, file } if !self.bytes.is_empty() => {
                        FetchError::Broken { host, file, received: self.bytes.len() as u64 }
                    }
                    error => error,
                });
            }
            let wait_ms = 250 << attempt;
            for _ in 0..wait_ms / 250 {
                if !report(Step::Again { received: self.bytes.len() as u64, total: self.total() }) {
                    return Err(FetchError::Cancelled);
                }
                sleep(250).await;
            }
        }
    }

    /// Fetches from where it stands to the end, or as far as the connection holds.
    async fn attempt(&mut self, report: Report<'_>) -> Result<(), FetchError> {
        let urls = &self.wanted.urls;
        let mut ticker = Ticker::new();
        loop {
            let have = self.bytes.len() as u64;
            let index = have.checked_div(self.wanted.each).unwrap_or(0).min(urls.len() as u64 - 1) as usize;
            let first = index as u64 * self.wanted.each;
            let Some(url) = urls.get(index) else { return Ok(()) };
            let mut incoming = match Incoming::open(url, have - first).await {
                // What is there is all there is.
                Err(FetchError::Status { status: 416, .. }) if have > 0 && Some(have) == self.wanted.bytes => return Ok(()),
                Err(FetchError::Status { status: 416, .. }) if have > 0 => {
                    self.restart()?;
                    continue;
                }
                other => other?,
            };
            if incoming.start != have - first {
                // The server begins elsewhere than it was asked to: everything anew, with this answer if it is the start.
                self.restart()?;
                if index > 0 || incoming.start > 0 {
                    incoming.give_up();
                    continue;
                }
            }
            let total = match (self.wanted.bytes, incoming.total, urls.len()) {
                (Some(bytes), Some(total), 1) if bytes != total && self.wanted.sha256.is_some() => {
                    incoming.give_up();
                    return Err(FetchError::OtherBytes { host: host(url).into(), file: file_name(url).into() });
                }
                (_, Some(total), 1) => Some(total),
                (bytes, ..) => bytes,
            };
            if let Some(total) = total {
                self.reserve(total).inspect_err(|_| incoming.give_up())?;
            }
            while let Some(chunk) = incoming.next().await? {
                if total.unwrap_or(LARGEST) < self.bytes.len() as u64 + u64::from(chunk.length()) {
                    incoming.give_up();
                    let expected = total.unwrap_or(LARGEST);
                    return Err(FetchError::TooMuch { host: host(url).into(), file: file_name(url).into(), expected });
                }
                self.digest.update(append(&chunk, &mut self.bytes));
                self.keep(&chunk).await;
                let received = self.bytes.len() as u64;
                if ticker.is_due() && !report(Step::Weights { received, total: total.unwrap_or(0) }) {
                    incoming.give_up();
                    return Err(FetchError::Cancelled);
                }
            }
            if index + 1 == urls.len() {
                return Ok(());
            }
        }
    }

    async fn keep(&mut self, chunk: &Uint8Array) {
        if self.writer.as_mut().is_some_and(|writer| !writer.write(chunk))
            && let Some(writer) = self.writer.take()
        {
            writer.drop_file().await;
            self.is_full = true;
        }
    }

    fn restart(&mut self) -> Result<(), FetchError> {
        self.bytes.clear();
        self.digest = Sha256::new();
        match self.writer.as_mut().is_none_or(Writer::restart) {
            true => Ok(()),
            false => Err(FetchError::Broken { host: "this device".into(), file: self.file(), received: 0 }),
        }
    }
}

fn is_quota(error: &JsValue) -> bool {
    error.dyn_ref::<web_sys::DomException>().is_some_and(|error| error.name() == "QuotaExceededError")
}

/// Reads a file of the device to the end.
pub async fn read(blob: &Blob, into: &mut Vec<u8>, go_on: &mut dyn FnMut(u64) -> bool) -> Result<(), FetchError> {
    let broken =
        |received: usize| FetchError::Broken { host: "this device".into(), file: "the file".into(), received: received as u64 };
    let size = blob.size() as u64;
    let memory = FetchError::Memory { file: "the file".into(), bytes: size };
    if size > LARGEST || into.try_reserve_exact(size as usize).is_err() {
        return Err(memory);
    }
    let mut stream = Bytes::of(&blob.stream()).map_err(|_| broken(0))?;
    let mut ticker = Ticker::new();
    while let Some(chunk) = stream.next().await.map_err(|_| broken(into.len()))? {
        append(&chunk, into);
        if ticker.is_due() && !go_on(into.len() as u64) {
            return Err(FetchError::Cancelled);
        }
    }
    Ok(())
}

async fn sleep(ms: i32) {
    let promise = Promise::new(&mut |resolve, _| {
        let scope = js_sys::global().dyn_into::<WorkerGlobalScope>().ok();
        let set = scope.and_then(|scope| scope.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms).ok());
        if set.is_none() {
            let _ = resolve.call0(&JsValue::NULL);
        }
    });
    let _ = JsFuture::from(promise).await;
}
