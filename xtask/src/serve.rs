//! A small server for the built page, on this machine only.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, VARY};
use axum::middleware::{self, Next};
use axum::response::Response;
use tower_http::services::ServeDir;

use crate::error::Error;
use crate::headers;
use crate::page;
use crate::process;
use crate::project::Project;

const STEP: &str = "serving the page";
const PATIENCE: Duration = Duration::from_secs(10);

/// Builds the page, then serves it on 127.0.0.1 until Ctrl-C.
pub fn run(project: &Project, port: u16) -> Result<(), Error> {
    // Bound before the build, so that a port in use fails at once and not after minutes.
    let listener = listen(port)?;
    page::build(project)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .and_then(|runtime| runtime.block_on(serve(listener, port, &project.dist())))
        .map_err(|error| Error::new(STEP, error, "Try another port with `--port N`."))
}

fn listen(port: u16) -> Result<TcpListener, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            let remedy = "Choose another with `cargo xtask serve --port N`, or stop the program that uses it.";
            Error::new(STEP, format!("port {port} is taken"), remedy)
        }
        _ => Error::new(STEP, format!("port {port}: {error}"), "Choose another with `cargo xtask serve --port N`."),
    })
}

async fn serve(listener: TcpListener, port: u16, dist: &Path) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let server = axum::serve(listener, site(dist)).with_graceful_shutdown(async {
        // Without a Ctrl-C handler, Ctrl-C ends the program by default.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    });
    tokio::task::spawn_blocking(move || match ask(port) {
        Ok(()) => process::print(&format!("Stridescope is at http://127.0.0.1:{port}/ (Ctrl-C stops)")),
        Err(error) => process::warn(&format!("warning: the page does not answer on port {port}: {error}")),
    });
    server.await
}

fn site(dist: &Path) -> Router {
    Router::new().fallback_service(ServeDir::new(dist).precompressed_br()).layer(middleware::from_fn(with_headers))
}

/// Adds the headers that a host should send, so that a page that works here works there.
async fn with_headers(request: Request, next: Next) -> Response {
    let rule = headers::cache_control(request.uri().path());
    let mut response = next.run(request).await;
    let answer = response.headers_mut();
    for (name, value) in headers::all(None) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer.insert(name, value);
        }
    }
    if response.status().is_success() {
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(rule));
        response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    response
}

/// Requests the page once, as a browser would.
fn ask(port: u16) -> io::Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(64).read_to_string(&mut answer)?;
    match answer.lines().next() {
        Some(line) if line.starts_with("HTTP/1.1 200") => Ok(()),
        line => Err(io::Error::other(line.unwrap_or("no answer").to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_one_clear_sentence() -> io::Result<()> {
        let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = holder.local_addr()?.port();
        let error = listen(port).expect_err("the port is taken").to_string();
        assert!(error.contains(&format!("port {port} is taken")) && error.contains("--port"), "{error}");
        Ok(())
    }

    #[test]
    fn responses_have_encoding_type_and_cache_headers() -> io::Result<()> {
        let dist = tempfile::tempdir()?;
        std::fs::create_dir(dist.path().join("app-0123456789abcdef"))?;
        for (name, text) in [
            ("index.html", "<!doctype html>"),
            ("worker_bg.wasm", "plain"),
            ("worker_bg.wasm.br", "br"),
            ("manifest.webmanifest", "{}"),
            ("app-0123456789abcdef/app.js", "1"),
        ] {
            std::fs::write(dist.path().join(name), text)?;
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        listener.set_nonblocking(true)?;
        let site = site(dist.path());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async { axum::serve(tokio::net::TcpListener::from_std(listener)?, site).await })
        });

        ask(port)?;
        // (path, accepted encoding, expected content of the response)
        let cases = [
            ("/", "", vec!["200 OK", "text/html", "no-cache", "content-security-policy: default-src 'none';"]),
            ("/", "", vec!["access-control-allow-origin: *", "nosniff", "no-referrer", "camera=(self)"]),
            ("/manifest.webmanifest", "", vec!["200 OK", "application/manifest+json", "no-cache"]),
            ("/worker_bg.wasm", "", vec!["200 OK", "application/wasm", "no-cache", "plain"]),
            ("/worker_bg.wasm", "gzip, br", vec!["200 OK", "application/wasm", "content-encoding: br"]),
            ("/app-0123456789abcdef/app.js", "", vec!["200 OK", "javascript", "immutable"]),
            ("/missing.js", "", vec!["404 Not Found"]),
            ("/../Cargo.toml", "", vec!["404 Not Found"]),
        ];
        for (path, encoding, expected) in cases {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {encoding}\r\nConnection: close\r\n\r\n");
            stream.write_all(head.as_bytes())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            for part in expected {
                assert!(answer.contains(part), "{path}: {part} is not in\n{answer}");
            }
        }
        Ok(())
    }
}
