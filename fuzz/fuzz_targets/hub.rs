//! What a hub says of a repository, a description of weights, addresses, names of classes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stridescope::ui::weights_view::class_names;
use stridescope::weights::hub::{Config, Listed, Repository};
use stridescope::weights::source::Source;
use stridescope::weights::Card;

fuzz_target!(|bytes: &[u8]| {
    let _ = Listed::parse(bytes);
    let config = Config::parse(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = Card::from_json(text);
    let _ = class_names(text, 10);
    if let (Some(config), Some(repository)) = (config, Repository::parse("timm/resnet50d.ra2_in1k")) {
        let _ = config.card("resnet50-d", 1000, &repository);
    }
    // What is understood is written as it is read.
    if let Ok(source) = Source::parse(text) {
        assert_eq!(Source::parse(&source.to_string()).map(|again| again.to_string()), Ok(source.to_string()));
    }
});
