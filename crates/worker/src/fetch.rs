//! Requests to a server: streamed, from any byte on, stopped when the visitor cancels.

use super::stream::Bytes;
use super::timeout::{Waited, with_timeout};
use js_sys::{Date, Uint8Array};
use stridescope_i18n::{Explain, Message, explained, msg};
use stridescope_weights::source::{HERE, file_name, host};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortController, Headers, ReferrerPolicy, RequestInit, Response, Url, WorkerGlobalScope};

#[wasm_bindgen]
extern "C" {
    /// Address of the module that started this code.
    #[wasm_bindgen(thread_local_v2, js_namespace = ["import", "meta"], js_name = url)]
    static MODULE: String;
}

/// The absolute address of a file of this site. A worker that was started from a blob, as in a sandboxed frame, has no address to resolve it against,
/// so it is resolved against the engine's folder.
fn absolute(url: &str) -> String {
    let whole = || MODULE.with(|module| Url::new_with_base(&format!("../{url}"), module).map(|url| url.href()).ok());
    if url.contains("://") { url.into() } else { whole().unwrap_or_else(|| url.into()) }
}

/// Largest text in bytes that is fetched beside weights: lists, descriptions.
const MOST_TEXT: usize = 8 << 20;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchError {
    /// The visitor cancelled it.
    Cancelled,
    /// No answer, or one that the browser does not let a page read (CORS).
    Silent {
        /// The host.
        host: String,
        /// The last part of the address.
        file: String,
    },
    /// The server answered with an error.
    Status {
        /// The host.
        host: String,
        /// The HTTP status.
        status: u16,
        /// The last part of the address.
        file: String,
    },
    /// The connection broke.
    Broken {
        /// The host.
        host: String,
        /// The last part of the address.
        file: String,
        /// Bytes received before.
        received: u64,
    },
    /// The server sent more than it announced, or more than memory holds.
    TooMuch {
        /// The host.
        host: String,
        /// The last part of the address.
        file: String,
        /// Bytes that were expected.
        expected: u64,
    },
    /// The bytes differ from those that were published.
    OtherBytes {
        /// The host.
        host: String,
        /// The last part of the address.
        file: String,
    },
    /// The answer of a hub cannot be understood.
    Hub {
        /// `USER/REPOSITORY`.
        repository: String,
        /// What is wrong, in a clause.
        why: Message,
    },
    /// A file of this device that cannot be read.
    Unreadable {
        /// Its name.
        file: String,
    },
    /// There is not enough memory for it.
    Memory {
        /// The last part of the address.
        file: String,
        /// Its size in bytes.
        bytes: u64,
    },
}

explained!(FetchError);

impl Explain for FetchError {
    fn message(&self) -> Message {
        let megabytes = |bytes: u64| format!("{:.1}", bytes as f64 / 1e6);
        match self {
            Self::Cancelled => msg!("cancelled"),
            Self::Silent { host, file } => msg!(
                "{} did not answer for {}, or lets no page fetch it. Check the address and the connection, then try again",
                named(host),
                file
            ),
            Self::Status { host, status, file } => {
                msg!("{} answered {} for {}. {}", named(host), status, file, advice(*status))
            }
            Self::Broken { host, file, received } => msg!(
                "the download of {} from {} broke off after {} MB. Check the connection and try again: it goes on from there",
                file,
                named(host),
                megabytes(*received)
            ),
            Self::TooMuch { host, file, expected } => msg!(
                "{} sent more of {} than the {} MB that it should be. Nothing of it is used",
                named(host),
                file,
                megabytes(*expected)
            ),
            Self::OtherBytes { host, file } => msg!(
                "the bytes of {} from {} are not those that were published (their SHA-256 differs). Nothing of them is used: try again later",
                file,
                named(host)
            ),
            Self::Hub { repository, why } => msg!("{} on Hugging Face cannot be used: {}", repository, why),
            Self::Unreadable { file } => msg!("\"{}\" cannot be read from this device. Choose it again", file),
            Self::Memory { file, bytes } => msg!(
                "there is no memory for the {} MB of {}. Close other tabs, or choose a smaller network",
                format!("{:.0}", *bytes as f64 / 1e6),
                file
            ),
        }
    }
}

fn named(host: &str) -> Message {
    if host == HERE { msg!("this site") } else { Message::Verbatim(host.into()) }
}

fn advice(status: u16) -> Message {
    match status {
        401 | 403 => msg!("It may not exist, or not be public: check the address"),
        404 | 410 => msg!("Check the address, or choose other weights"),
        429 => msg!("It has been asked too often: wait a minute, then try again"),
        _ => msg!("Try again later, or choose other weights"),
    }
}

/// An answer that is being received.
pub struct Incoming {
    /// Position of the first byte; above 0 where the server resumed a download.
    pub start: u64,
    /// Bytes of the whole file, where the server reports it.
    pub total: Option<u64>,
    url: String,
    received: u64,
    stream: Bytes,
    abort: AbortController,
}

impl Incoming {
    /// Requests an address from a byte on. A server without range requests starts at 0.
    pub async fn open(url: &str, from: u64, go_on: &mut dyn FnMut() -> bool) -> Result<Self, FetchError> {
        let silent = |_: JsValue| FetchError::Silent { host: host(url).into(), file: file_name(url).into() };
        let abort = AbortController::new().map_err(silent)?;
        let options = RequestInit::new();
        options.set_signal(Some(&abort.signal()));
        options.set_referrer_policy(ReferrerPolicy::NoReferrer);
        if from > 0 {
            let headers = Headers::new().map_err(silent)?;
            headers.set("Range", &format!("bytes={from}-")).map_err(silent)?;
            options.set_headers_headers(&headers);
        }
        let scope: WorkerGlobalScope = js_sys::global().dyn_into().map_err(|value: js_sys::Object| silent(value.into()))?;
        let response = with_timeout(&scope.fetch_with_str_and_init(&absolute(url), &options), go_on).await.map_err(|why| {
            abort.abort();
            if matches!(why, Waited::GivenUp) { FetchError::Cancelled } else { silent(JsValue::NULL) }
        })?;
        let response: Response = response.dyn_into().map_err(silent)?;
        if !response.ok() {
            abort.abort();
            return Err(FetchError::Status { host: host(url).into(), status: response.status(), file: file_name(url).into() });
        }
        let header = |name: &str| response.headers().get(name).ok().flatten();
        let (start, total) = if response.status() == 206 {
            // `bytes 100-199/200`; not every server lets a page read it.
            let range = header("Content-Range").and_then(|range| {
                let (span, total) = range.strip_prefix("bytes ")?.split_once('/')?;
                Some((span.split_once('-')?.0.parse().ok()?, total.parse().ok()))
            });
            range
                .filter(|_| from > 0)
                .unwrap_or_else(|| (from, header("Content-Length").and_then(|rest| Some(from + rest.parse::<u64>().ok()?))))
        } else {
            // The length of a compressed answer is not that of the file.
            let is_plain = header("Content-Encoding").is_none();
            (0, header("Content-Length").filter(|_| is_plain).and_then(|length| length.parse().ok()))
        };
        let body = response.body().ok_or_else(|| silent(JsValue::NULL))?;
        let stream = Bytes::of(&body).map_err(silent)?;
        Ok(Self { start, total, url: url.into(), received: start, stream, abort })
    }

    /// The next bytes; none at the end.
    pub async fn next(&mut self, go_on: &mut dyn FnMut() -> bool) -> Result<Option<Uint8Array>, FetchError> {
        let next = self.stream.next(go_on).await.map_err(|why| {
            self.give_up();
            if matches!(why, Waited::GivenUp) { FetchError::Cancelled } else { self.broken() }
        });
        let Some(bytes) = next? else {
            // Some servers close an answer early without an error.
            return if self.total.is_some_and(|total| self.received < total) { Err(self.broken()) } else { Ok(None) };
        };
        self.received += u64::from(bytes.length());
        Ok(Some(bytes))
    }

    /// Closes the connection.
    pub fn give_up(&self) {
        self.abort.abort();
    }

    fn broken(&self) -> FetchError {
        FetchError::Broken { host: host(&self.url).into(), file: file_name(&self.url).into(), received: self.received }
    }
}

/// Fetches a small file.
pub async fn text(url: &str, go_on: &mut dyn FnMut() -> bool) -> Result<Vec<u8>, FetchError> {
    let mut incoming = Incoming::open(url, 0, go_on).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = incoming.next(go_on).await? {
        if bytes.len() + chunk.length() as usize > MOST_TEXT {
            incoming.give_up();
            return Err(FetchError::TooMuch { host: host(url).into(), file: file_name(url).into(), expected: MOST_TEXT as u64 });
        }
        append(&chunk, &mut bytes);
    }
    Ok(bytes)
}

/// Appends JavaScript's bytes to a buffer; returns the appended part.
pub fn append<'a>(chunk: &Uint8Array, into: &'a mut Vec<u8>) -> &'a [u8] {
    let at = into.len();
    into.resize(at + chunk.length() as usize, 0);
    chunk.copy_to(&mut into[at..]);
    &into[at..]
}

/// Limits reports of progress to ten a second, and the last one.
pub struct Ticker {
    next_ms: f64,
}

impl Ticker {
    /// A ticker that is due at once.
    pub fn new() -> Self {
        Self { next_ms: 0.0 }
    }

    /// Whether the next report is due.
    pub fn is_due(&mut self) -> bool {
        let now = Date::now();
        let due = now >= self.next_ms;
        if due {
            self.next_ms = now + 100.0;
        }
        due
    }
}
