//! The HTTP headers of each file: the single source for `serve`, `dist` and the files in deploy/.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The inline script of `index.html`; the policy allows it by its hash.
pub const BOOT: &str = include_str!("../../assets/boot.js");

/// The content security policy. The site's own address is added to `'self'` if it is known, and the hash of [`BOOT`] to `script-src`.
const POLICY: [(&str, &str); 12] = [
    ("default-src", "'none'"),
    ("script-src", "'self' 'wasm-unsafe-eval' 'boot'"),
    ("style-src", "'self'"),
    ("style-src-attr", "'unsafe-inline'"),
    ("img-src", "'self' data: blob:"),
    ("media-src", "'self' blob:"),
    // Weights may come from any address that a visitor enters.
    (
        "connect-src",
        "'self' data: blob: https://huggingface.co https://*.huggingface.co https://*.hf.co https://cdn.jsdelivr.net https:",
    ),
    ("worker-src", "'self' blob:"),
    ("manifest-src", "'self'"),
    ("frame-src", "'self'"),
    ("base-uri", "'none'"),
    ("form-action", "'none'"),
];

/// Files in a folder with a hash in its name never change.
const FIXED: &str = "public, max-age=31536000, immutable";
/// All other files are revalidated each time.
const FRESH: &str = "no-cache";

/// The content security policy. A figure in a sandboxed frame has an opaque origin, for which not every browser matches `'self'` with the
/// figure's site; so the site's `origin`, `https://example.org`, is added if it is known.
pub fn policy(origin: Option<&str>) -> String {
    let own = origin.map_or("'self'".into(), |origin| format!("'self' {origin}"));
    let boot = format!("'sha256-{}'", STANDARD.encode(Sha256::digest(BOOT)));
    POLICY.map(|(name, sources)| format!("{name} {}", sources.replace("'self'", &own).replace("'boot'", &boot))).join("; ")
}

/// The headers of every file: name and value.
pub fn all(origin: Option<&str>) -> [(&'static str, String); 5] {
    [
        ("Content-Security-Policy", policy(origin)),
        // A figure in a sandboxed frame is cross-origin to its own site.
        ("Access-Control-Allow-Origin", "*".into()),
        ("X-Content-Type-Options", "nosniff".into()),
        ("Referrer-Policy", "no-referrer".into()),
        ("Permissions-Policy", "camera=(self), microphone=(), geolocation=()".into()),
    ]
}

/// How long a browser may cache a file without revalidation.
pub fn cache_control(path: &str) -> &'static str {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    if folder.split('/').any(|name| group(name).is_some()) { FIXED } else { FRESH }
}

/// The name of a hashed folder without its 64-bit hash, `app` of `app-0123456789abcdef`; `None` for any other folder.
pub fn group(folder: &str) -> Option<&str> {
    let (name, hash) = folder.split_once('-')?;
    let is_hash = hash.len() == 16 && hash.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
    (is_hash && !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase())).then_some(name)
}

/// The file `_headers` for Netlify and Cloudflare Pages, for a site at `path`, `/` or `/sub/path/`.
pub fn netlify(path: &str, origin: Option<&str>) -> String {
    let mut text = format!("{path}*\n");
    for (name, value) in all(origin) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {name}: {value}");
    }
    // No rule for all files: both hosts would add its value to that of a hashed file, and they revalidate by default.
    let fixed = ["app-*", "engine-*", "samples-*", "texts-*", "weights-*"].map(|name| (name, FIXED));
    for (name, rule) in ["", "index.html", "sw.js"].map(|name| (name, FRESH)).into_iter().chain(fixed) {
        let _ = writeln!(text, "{path}{name}\n  Cache-Control: {rule}");
    }
    text + &format!("{path}manifest.webmanifest\n  Content-Type: application/manifest+json\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: Option<&str> = Some("https://stridescope.example");
    const NGINX: &str = include_str!("../../deploy/nginx.conf");
    const CADDY: &str = include_str!("../../deploy/Caddyfile");

    /// Whether a file contains that line, ignoring indentation.
    fn holds(text: &str, line: &str) -> bool {
        text.lines().any(|own| own.trim() == line)
    }

    #[test]
    fn the_files_of_deploy_send_these_headers() {
        for (name, value) in all(EXAMPLE) {
            for (file, text, line) in [
                ("nginx.conf", NGINX, format!("add_header {name} \"{value}\" always;")),
                ("Caddyfile", CADDY, format!("{name} \"{value}\"")),
            ] {
                assert!(holds(text, &line), "deploy/{file} needs this line:\n{line}");
            }
        }
        for (file, text, line) in [
            ("nginx.conf", NGINX, format!("default \"{FRESH}\";")),
            ("nginx.conf", NGINX, format!("\"~/[a-z]+-[0-9a-f]{{16}}/\" \"{FIXED}\";")),
            ("Caddyfile", CADDY, format!("header @fresh Cache-Control \"{FRESH}\"")),
            ("Caddyfile", CADDY, format!("header @hashed Cache-Control \"{FIXED}\"")),
            ("Caddyfile", CADDY, "@hashed path_regexp /[a-z]+-[0-9a-f]{16}/".into()),
        ] {
            assert!(holds(text, &line), "deploy/{file} needs this line:\n{line}");
        }
    }

    #[test]
    fn the_policy_is_the_documented_one() {
        let boot = STANDARD.encode(Sha256::digest(BOOT));
        let documented = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval' 'sha256-BOOT'; style-src 'self'; style-src-attr 'unsafe-inline'; \
            img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self' data: blob: https://huggingface.co \
            https://*.huggingface.co https://*.hf.co https://cdn.jsdelivr.net https:; worker-src 'self' blob:; manifest-src 'self'; \
            frame-src 'self'; base-uri 'none'; form-action 'none'";
        assert_eq!(policy(None), documented.replace("BOOT", &boot));
        let named = policy(EXAMPLE);
        assert!(named.contains("script-src 'self' https://stridescope.example 'wasm-unsafe-eval' 'sha256-"), "{named}");
        assert!(named.starts_with("default-src 'none';") && !named.contains('"'), "{named}");
    }

    #[test]
    fn only_hashed_folders_are_immutable() {
        let cases = [
            ("/app-0123456789abcdef/app.js", FIXED),
            ("/sub/app-0123456789abcdef/app-split_cost.wasm", FIXED),
            ("/samples-0123456789abcdef/thumbs/cat.jpg", FIXED),
            ("/app-0123456789abcde/app.js", FRESH),
            ("/app-0123456789abcdeg/app.js", FRESH),
            ("/-0123456789abcdef/app.js", FRESH),
            ("/app-0123456789abcdef", FRESH),
            ("/app-0123456789abcdef.js", FRESH),
            ("/", FRESH),
            ("/index.html", FRESH),
            ("/sw.js", FRESH),
            ("/stride-scope.js", FRESH),
            ("/assets/weights/resnet50-a.safetensors", FRESH),
            ("/0123456789abcdef/index.html", FRESH),
        ];
        for (path, expected) in cases {
            assert_eq!(cache_control(path), expected, "{path}");
        }
    }

    #[test]
    fn netlify_has_each_rule_below_the_site_s_path() {
        let text = netlify("/sub/", EXAMPLE);
        let rules: Vec<&str> = text.lines().filter(|line| !line.starts_with(' ')).collect();
        let names = [
            "/sub/*",
            "/sub/",
            "/sub/index.html",
            "/sub/sw.js",
            "/sub/app-*",
            "/sub/engine-*",
            "/sub/samples-*",
            "/sub/texts-*",
            "/sub/weights-*",
            "/sub/manifest.webmanifest",
        ];
        assert_eq!(rules, names);
        assert!(
            text.starts_with("/sub/*\n  Content-Security-Policy: default-src 'none'; script-src 'self' https://stri"),
            "{text}"
        );
        assert!(text.contains("/sub/sw.js\n  Cache-Control: no-cache\n/sub/app-*\n  Cache-Control: public,"), "{text}");
    }
}
