//! The site's sample pictures.

/// A picture under `assets/samples`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Its name in links.
    pub id: &'static str,
    /// Its file.
    pub file: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// Author and licence.
    pub credit: &'static str,
}

/// All samples, in the order of the menu.
pub const SAMPLES: [Sample; 7] = [
    Sample { id: "chelsea", file: "chelsea.png", title: "Chelsea the cat", credit: "Stéfan van der Walt, CC0" },
    Sample { id: "coffee", file: "coffee.png", title: "A cup of coffee", credit: "Rachel Michetti, CC0" },
    Sample { id: "camera", file: "camera.png", title: "A photographer", credit: "Lav Varshney, CC0" },
    Sample { id: "rocket", file: "rocket.jpg", title: "A rocket on its pad", credit: "SpaceX, public domain" },
    Sample { id: "astronaut", file: "astronaut.png", title: "Eileen Collins", credit: "NASA, public domain" },
    Sample { id: "grace_hopper", file: "grace_hopper.jpg", title: "Grace Hopper", credit: "US Navy, public domain" },
    Sample {
        id: "clock_motion",
        file: "clock_motion.png",
        title: "A clock, moved",
        credit: "Stefan van der Walt, public domain",
    },
];

/// The sample of that name.
pub fn find(id: &str) -> Option<Sample> {
    SAMPLES.into_iter().find(|sample| sample.id == id)
}
