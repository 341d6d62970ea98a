//! Downloads of weights: resumed after a broken connection, verified, and cached if the visitor wants it.

use super::fetch::{FetchError, Incoming, Ticker, append};
use super::opfs::{Description, Folder, Writer, is_taken};
use super::sha256::Hasher;
use super::stream::Bytes;
use super::timeout::{Waited, sleep};
use stridescope_protocol::Step;
use stridescope_weights::source::{file_name, host};
use web_sys::Blob;

/// How often a download is resumed automatically, as long as each attempt receives more bytes.
const ATTEMPTS: u32 = 5;
/// Largest file of weights in bytes: twice the largest network of the family.
const LARGEST: u64 = 1 << 30;
/// Growth of the buffer in bytes, where the size of the file is unknown.
const GROWTH: u64 = 32 << 20;

/// A file to download.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The weights source, as in a link.
    pub key: String,
    /// Its title.
    pub title: String,
    /// The addresses of the file's parts, in order.
    pub urls: Vec<String>,
    /// Bytes of every part but the last, where there are several.
    pub each: u64,
    /// Bytes in all, where known.
    pub bytes: Option<u64>,
    /// SHA-256 of all bytes in hexadecimal digits, where known.
    pub sha256: Option<String>,
    /// The text that describes the bytes; cached with them.
    pub beside: Option<String>,
}

/// The bytes of an earlier attempt, where nothing is cached.
#[derive(Debug, Default)]
pub struct Partial {
    /// The address that they came from.
    url: String,
    /// The bytes so far.
    bytes: Vec<u8>,
}

/// Is called with each step; returns whether to continue.
pub type Report<'a> = &'a mut dyn FnMut(Step) -> bool;

/// A download in progress.
struct Download<'a> {
    wanted: &'a Wanted,
    bytes: Vec<u8>,
    sum: Hasher,
    /// The cache; none once it turned out that the file cannot be cached.
    folder: Option<&'a Folder>,
    /// Whether the bytes so far were read from the cached file.
    has_head: bool,
    writer: Option<Writer>,
    /// Whether there was no space to cache it.
    is_full: bool,
}

/// Downloads a file and caches it in `folder`. `partial` holds the bytes of an earlier attempt, and on failure those of this one. The flag is true
/// where the file could not be cached.
pub async fn download(
    wanted: &Wanted,
    partial: &mut Partial,
    folder: Option<&Folder>,
    report: Report<'_>,
) -> Result<(Vec<u8>, bool), FetchError> {
    let (bytes, sum) = (Vec::new(), Hasher::of(wanted.bytes));
    let mut download = Download { wanted, bytes, sum, folder, has_head: false, writer: None, is_full: false };
    let done = match download.take_up(partial, report).await {
        Ok(()) => download.run(report).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => {
            let sha256 = download.sum.digits(&download.bytes).await;
            if wanted.sha256.as_ref().is_some_and(|known| *known != sha256) {
                if let Some(writer) = download.writer {
                    writer.drop_file().await;
                }
                return Err(other_bytes(wanted));
            }
            let mut is_full = download.is_full;
            if let Some(writer) = download.writer {
                is_full |= !writer.finish(&sha256).await;
            }
            Ok((download.bytes, is_full))
        }
        Err(error) => {
            let is_wrong = matches!(error, FetchError::TooMuch { .. } | FetchError::OtherBytes { .. });
            match download.writer {
                Some(writer) if is_wrong => writer.drop_file().await,
                // The cached part is resumed next time.
                Some(_) => {}
                None if is_wrong || download.has_head => {}
                None => *partial = Partial { url: wanted.url().into(), bytes: download.bytes },
            }
            Err(error)
        }
    }
}

fn other_bytes(wanted: &Wanted) -> FetchError {
    let file = if wanted.urls.len() > 1 { &wanted.title } else { file_name(wanted.url()) };
    FetchError::OtherBytes { host: host(wanted.url()).into(), file: file.into() }
}

impl Wanted {
    fn url(&self) -> &str {
        self.urls.first().map_or("", String::as_str)
    }
}

impl Download<'_> {
    fn have(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn file(&self) -> String {
        file_name(self.wanted.url()).into()
    }

    fn broken(&self) -> FetchError {
        FetchError::Broken { host: host(self.wanted.url()).into(), file: self.file(), received: self.have() }
    }

    /// Reserves memory for the whole file at once: growing would copy it.
    fn reserve(&mut self, bytes: u64) -> Result<(), FetchError> {
        let memory = FetchError::Memory { file: self.file(), bytes };
        let more = usize::try_from(bytes.min(LARGEST)).unwrap_or(usize::MAX).saturating_sub(self.bytes.len());
        let is_too_large = bytes > LARGEST || self.bytes.try_reserve_exact(more).is_err();
        if is_too_large { Err(memory) } else { Ok(()) }
    }

    /// Starts with the bytes of an earlier attempt, from the cache or from memory.
    async fn take_up(&mut self, partial: &mut Partial, report: Report<'_>) -> Result<(), FetchError> {
        let before = std::mem::take(partial);
        if before.url == self.wanted.url() {
            self.bytes = before.bytes;
        }
        if let Some(bytes) = self.wanted.bytes {
            self.reserve(bytes)?;
        }
        if let Some(folder) = self.folder
            && self.bytes.is_empty()
            && let Some((description, blob)) = folder.find(&self.wanted.key).await
            && description.sha256.is_none()
            && description.url == self.wanted.url()
            && blob.size() < description.bytes as f64
            && self.wanted.bytes.is_none_or(|bytes| bytes == description.bytes)
        {
            match read(&blob, &description.title, &mut self.bytes, &mut |_| report(Step::Asking)).await {
                Ok(()) => self.has_head = true,
                // Nothing is lost: the cached file still holds the bytes.
                Err(FetchError::Cancelled) => {
                    self.has_head = true;
                    return Err(FetchError::Cancelled);
                }
                Err(_) => self.bytes.clear(),
            }
        }
        self.sum.update(&self.bytes);
        Ok(())
    }

    /// Starts to cache the file: its size is now as well known as it will ever be.
    async fn begin_keeping(&mut self, total: Option<u64>) {
        let Some(folder) = self.folder.take() else { return };
        let description = Description {
            key: self.wanted.key.clone(),
            title: self.wanted.title.clone(),
            url: self.wanted.url().into(),
            bytes: total.unwrap_or(0),
            sha256: None,
            beside: self.wanted.beside.clone(),
        };
        match folder.writer(description, &self.bytes, self.has_head).await {
            Ok(writer) => self.writer = Some(writer),
            // Another tab downloads the same file and caches it.
            Err(error) if is_taken(&error) => {}
            Err(_) => {
                folder.remove(&self.wanted.key).await;
                self.is_full = true;
            }
        }
        self.has_head = false;
    }

    async fn run(&mut self, report: Report<'_>) -> Result<(), FetchError> {
        let mut attempt = 0;
        loop {
            let before = self.have();
            let error = match self.attempt(report).await {
                Ok(()) => return Ok(()),
                Err(error @ (FetchError::Broken { .. } | FetchError::Silent { .. })) => error,
                Err(error) => return Err(error),
            };
            attempt = if self.have() > before { 1 } else { attempt + 1 };
            // No byte arrived: the host is unreachable, and a retry would not help.
            if self.bytes.is_empty() || attempt >= ATTEMPTS {
                return Err(if self.bytes.is_empty() { error } else { self.broken() });
            }
            for _ in 0..1 << attempt {
                let (received, total) = (self.have(), self.wanted.bytes.unwrap_or(0));
                if !report(Step::Again { received, total }) {
                    return Err(FetchError::Cancelled);
                }
                sleep(250).await;
            }
        }
    }

    /// Downloads from the current position to the end, or until the connection breaks.
    async fn attempt(&mut self, report: Report<'_>) -> Result<(), FetchError> {
        let urls = &self.wanted.urls;
        let mut ticker = Ticker::new();
        let mut restarts = 0;
        loop {
            let have = self.have();
            let index = have.checked_div(self.wanted.each).unwrap_or(0).min(urls.len() as u64 - 1) as usize;
            let first = index as u64 * self.wanted.each;
            let Some(url) = urls.get(index) else { return Ok(()) };
            let step = Step::Weights { received: have, total: self.wanted.bytes.unwrap_or(0) };
            let opened = Incoming::open(url, have - first, &mut || report(step)).await;
            // The server starts at another position than requested: restart from the first byte, once.
            let is_elsewhere = match &opened {
                Err(FetchError::Status { status: 416, .. }) => have > 0,
                Ok(incoming) => incoming.start != have - first,
                Err(_) => false,
            };
            if is_elsewhere {
                restarts += 1;
                self.restart();
            }
            match opened {
                Ok(incoming) if !is_elsewhere || (index == 0 && incoming.start == 0) => {
                    self.receive(incoming, index, &mut ticker, report).await?;
                }
                other => {
                    if restarts > 1 {
                        return Err(self.broken());
                    }
                    match other {
                        Ok(incoming) => incoming.give_up(),
                        Err(error) if !is_elsewhere => return Err(error),
                        Err(_) => {}
                    }
                    continue;
                }
            }
            let is_last = index + 1 == urls.len();
            let end = if is_last { self.wanted.bytes } else { Some(first + self.wanted.each) };
            if end.is_some_and(|end| self.have() < end) {
                // The server closed the answer early without an error.
                return Err(self.broken());
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Receives one answer to its end.
    async fn receive(
        &mut self,
        mut incoming: Incoming,
        index: usize,
        ticker: &mut Ticker,
        report: Report<'_>,
    ) -> Result<(), FetchError> {
        let is_one = self.wanted.urls.len() == 1;
        let total = match (self.wanted.bytes, incoming.total) {
            (Some(bytes), Some(total)) if is_one && bytes != total && self.wanted.sha256.is_some() => {
                incoming.give_up();
                return Err(other_bytes(self.wanted));
            }
            (None, total) if is_one => total,
            (bytes, _) => bytes,
        };
        if let Some(total) = total {
            self.reserve(total).inspect_err(|_| incoming.give_up())?;
        }
        self.begin_keeping(total).await;
        // A compressed answer is larger than its announced length, so that length is no limit.
        let most = self.wanted.bytes.unwrap_or(LARGEST);
        loop {
            let step = Step::Weights { received: self.have(), total: total.unwrap_or(0) };
            let Some(chunk) = incoming.next(&mut || report(step)).await? else { return Ok(()) };
            let next = self.have() + u64::from(chunk.length());
            if next > most {
                incoming.give_up();
                let url = self.wanted.urls.get(index).map_or("", String::as_str);
                return Err(FetchError::TooMuch { host: host(url).into(), file: file_name(url).into(), expected: most });
            }
            if next as usize > self.bytes.capacity() {
                self.reserve(next + GROWTH).inspect_err(|_| incoming.give_up())?;
            }
            self.sum.update(append(&chunk, &mut self.bytes));
            if self.writer.as_mut().is_some_and(|writer| !writer.write(&chunk))
                && let Some(writer) = self.writer.take()
            {
                writer.drop_file().await;
                self.is_full = true;
            }
            if ticker.is_due() && !report(Step::Weights { received: self.have(), total: total.unwrap_or(0) }) {
                incoming.give_up();
                return Err(FetchError::Cancelled);
            }
        }
    }

    fn restart(&mut self) {
        self.bytes.clear();
        self.sum = Hasher::of(self.wanted.bytes);
        self.has_head = false;
        if self.writer.as_mut().is_some_and(|writer| !writer.restart()) {
            self.writer = None;
            self.is_full = true;
        }
    }
}

/// Reads a file of the device to its end.
pub async fn read(blob: &Blob, name: &str, into: &mut Vec<u8>, go_on: &mut dyn FnMut(u64) -> bool) -> Result<(), FetchError> {
    let unreadable = || FetchError::Unreadable { file: name.into() };
    let size = blob.size() as u64;
    if size > LARGEST || into.try_reserve_exact(size as usize).is_err() {
        return Err(FetchError::Memory { file: name.into(), bytes: size });
    }
    let mut stream = Bytes::of(&blob.stream()).map_err(|_| unreadable())?;
    let mut ticker = Ticker::new();
    loop {
        let received = into.len() as u64;
        match stream.next(&mut || go_on(received)).await {
            Ok(Some(chunk)) => drop(append(&chunk, into)),
            Ok(None) => return Ok(()),
            Err(Waited::GivenUp) => return Err(FetchError::Cancelled),
            Err(_) => return Err(unreadable()),
        }
        if ticker.is_due() && !go_on(into.len() as u64) {
            return Err(FetchError::Cancelled);
        }
    }
}
