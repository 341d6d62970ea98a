//! The page's language: which one, and fetching its texts.

use super::dom;
use super::state::Lang;
use crate::tr;
use crate::words::{Catalogue, speak};
use wasm_bindgen_futures::JsFuture;

/// The languages that can be chosen, each by its own name.
pub const LANGUAGES: [(Lang, &str); 2] = [(Lang::En, "English"), (Lang::Ko, "한국어")];

/// The language of this browser's reader, or the one that was chosen.
pub fn resolved(lang: Lang) -> Lang {
    let languages = dom::window().map(|window| window.navigator().languages()).unwrap_or_default();
    let languages: Vec<String> = languages.iter().filter_map(|language| language.as_string()).collect();
    lang.resolved(&languages)
}

/// Fetches the texts of a language and speaks it from now on; a sentence where they do not come, and the page stays as it is.
///
/// # Errors
/// When the texts cannot be fetched.
pub async fn load(lang: Lang) -> Result<(), String> {
    let catalogue = match lang {
        Lang::Ko => Some(catalogue("assets/lang/ko.json", "assets/labels/imagenet-1k.ko.tsv").await.ok_or_else(|| {
            "The Korean texts could not be fetched. Check the connection, then choose the language again.".to_string()
        })?),
        Lang::En | Lang::Auto => None,
    };
    speak(catalogue);
    dom::set_root_attribute("lang", Some(if lang == Lang::Ko { "ko" } else { "en" }));
    dom::set_root_property("--drop", &serde_json::Value::from(tr!("Drop a picture, or weights")).to_string());
    Ok(())
}

async fn catalogue(sentences: &str, labels: &str) -> Option<Catalogue> {
    // Both are on their way before either is waited for.
    let requests = [sentences, labels].map(|url| dom::window().map(|window| window.fetch_with_str(url)));
    let mut texts = Vec::new();
    for request in requests {
        let response = JsFuture::from(request?).await.ok()?;
        texts.push(dom::text(response).await?);
    }
    Catalogue::read(&texts[0], &texts[1]).ok()
}
