//! File lists of a hub, timm's `config.json`, addresses, class names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stridescope_weights::source::hub::{Config, Listed, Repository};
use stridescope_weights::source::WeightsSource;
use stridescope_weights::{Card, labels};

fuzz_target!(|bytes: &[u8]| {
    let _ = Listed::parse(bytes);
    let _ = labels::read(bytes, 10, |_| None);
    let config = Config::parse(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = Card::from_json(text);
    if let (Some(config), Some(repository)) = (config, Repository::parse("timm/resnet50d.ra2_in1k")) {
        let _ = config.card("resnet50-d", 1000, &repository);
    }
    // What parses must print in a form that parses again.
    if let Ok(source) = WeightsSource::parse(text) {
        assert_eq!(WeightsSource::parse(&source.to_string()).map(|again| again.to_string()), Ok(source.to_string()));
    }
});
