//! The page's language and its texts.

use crate::dom;
use crate::site;
use stridescope_i18n::{Catalogue, Message, tr};
use stridescope_link::Lang;

/// The languages of the menu, each by its own name.
pub const LANGUAGES: [(Lang, &str); 2] = [(Lang::En, "English"), (Lang::Ko, "한국어")];

/// The notice for texts that could not be fetched; in English for that reason.
pub fn not_fetched() -> Message {
    const SENTENCE: &str = "The Korean texts could not be fetched. Check the connection: they come once the browser is online again, or when the page is loaded again.";
    Message::Verbatim(SENTENCE.into())
}

/// The language of the state, or where it is `auto` that of the browser.
pub fn resolved(lang: Lang) -> Lang {
    let languages = dom::window().map(|window| window.navigator().languages()).unwrap_or_default();
    let languages: Vec<String> = languages.iter().filter_map(|language| language.as_string()).collect();
    lang.resolved(&languages)
}

/// Fetches the catalogue of a language; English needs none.
///
/// # Errors
/// When a file cannot be fetched.
pub async fn fetch(lang: Lang) -> Result<Option<Catalogue>, Message> {
    match lang {
        Lang::Ko => {
            let texts = catalogue("lang/ko.json", "labels/imagenet-1k.ko.tsv").await;
            texts.map(Some).ok_or_else(not_fetched)
        }
        Lang::En | Lang::Auto => Ok(None),
    }
}

/// Sets the page's language and catalogue.
pub fn set_language(lang: Lang, texts: Option<Catalogue>) {
    stridescope_i18n::set_catalogue(texts);
    dom::set_root_attribute("lang", Some(if lang == Lang::Ko { "ko" } else { "en" }));
    dom::set_root_property("--drop", &serde_json::Value::from(tr!("Drop a picture, or weights")).to_string());
}

async fn catalogue(sentences: &str, labels: &str) -> Option<Catalogue> {
    // Both requests start before the first is awaited.
    let [sentences, labels] = [sentences, labels].map(|file| site::request(&site::texts(file)));
    Catalogue::read(&site::text(sentences).await?, &site::text(labels).await?).ok()
}
