//! oEmbed 1.0 descriptions of the figures, for sites that embed a pasted address: <https://oembed.com>.

use serde_json::{Value, json};

use crate::html::escaped;

const WIDTH: u32 = 960;
const DAY_S: u32 = 86_400;
/// Scripts and links are allowed, as in `<stride-scope>`.
const SANDBOX: &str = "allow-scripts allow-popups allow-popups-to-escape-sandbox";
const NETWORKS: &str = "resnet50-a,resnet50-b,resnet50-c,resnet50-d";

/// A figure to embed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// The name of the figure in a link.
    pub figure: &'static str,
    /// Its title.
    pub title: &'static str,
    /// Its networks; the default ones if `None`.
    models: Option<&'static str>,
    height: u32,
}

/// The figure that represents the whole page.
pub const FIRST: Preset =
    Preset { figure: "strides", title: "What a stride throws away: ResNets A to D", models: None, height: 820 };

/// Every described figure.
pub const ALL: [Preset; 5] = [
    Preset { figure: "architecture", title: "ResNet-50 A to D, side by side", models: Some(NETWORKS), height: 900 },
    FIRST,
    Preset { figure: "features", title: "What each channel of a ResNet sees", models: None, height: 820 },
    Preset { figure: "cost", title: "What each layer of ResNet-50 A to D costs", models: Some(NETWORKS), height: 1400 },
    Preset { figure: "predict", title: "What four ResNets say of a picture", models: None, height: 560 },
];

impl Preset {
    /// Path of its description in the site's folder.
    pub fn path(&self) -> String {
        format!("oembed/{}.json", self.figure)
    }

    /// Path of its image, 1200 x 630 pixels.
    pub fn picture(&self) -> String {
        picture(self.figure)
    }

    /// Its description, for a site at `url`.
    pub fn describe(&self, url: &str) -> Value {
        let models = self.models.map(|models| format!("&models={models}")).unwrap_or_default();
        let address = escaped(&format!("{url}?embed={}{models}", self.figure));
        let (title, height) = (self.title, self.height);
        let html = format!(
            "<iframe src=\"{address}\" sandbox=\"{SANDBOX}\" loading=\"lazy\" title=\"{}\" width=\"{WIDTH}\" height=\"{height}\" \
             style=\"border:0;max-width:100%\"></iframe>",
            escaped(title)
        );
        json!({
            "version": "1.0", "type": "rich", "title": title, "html": html, "width": WIDTH, "height": height,
            "provider_name": "Stridescope", "provider_url": url, "cache_age": DAY_S,
            "thumbnail_url": format!("{url}{}", self.picture()), "thumbnail_width": 1200, "thumbnail_height": 630,
        })
    }
}

/// Path of a preview image in the site's folder.
pub fn picture(name: &str) -> String {
    format!("assets/og/{name}.png")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_follow_the_oembed_standard() {
        let figures = ALL.map(|preset| preset.figure);
        assert_eq!(figures, ["architecture", "strides", "features", "cost", "predict"]);
        for preset in ALL {
            let value = preset.describe("https://example.org/sub/");
            let html = value["html"].as_str().unwrap_or_default();
            let address = format!("<iframe src=\"https://example.org/sub/?embed={}", preset.figure);
            assert!(
                html.starts_with(&address) && html.contains("sandbox=\"allow-scripts ") && html.contains("loading=\"lazy\""),
                "{html}"
            );
            assert!(html.contains(&format!("height=\"{}\"", value["height"])), "{html}");
            assert_eq!((&value["type"], &value["version"], &value["width"]), (&json!("rich"), &json!("1.0"), &json!(960)));
            assert_eq!(value["thumbnail_url"], format!("https://example.org/sub/assets/og/{}.png", preset.figure));
            assert_eq!(value["provider_url"], "https://example.org/sub/");
        }
        assert!(ALL[0].describe("https://example.org/").to_string().contains("&amp;models=resnet50-a,resnet50-b"));
    }
}
