//! The number of cases per property.

use proptest::prelude::ProptestConfig;

/// A thousand, or `PROPTEST_CASES`.
pub fn thousand() -> ProptestConfig {
    if std::env::var_os("PROPTEST_CASES").is_some() { ProptestConfig::default() } else { ProptestConfig::with_cases(1000) }
}
