//! Logits to probabilities and the most likely classes.

/// `exp(logit - max) / Σ`, in f64.
pub fn softmax(logits: &[f32]) -> Vec<f64> {
    let top = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let exps: Vec<f64> = logits.iter().map(|&logit| (f64::from(logit) - top).exp()).collect();
    let sum: f64 = exps.iter().sum();
    exps.into_iter().map(|exp| exp / sum).collect()
}

/// Index and probability of the `k` most likely classes, in order; ties by index.
pub fn top_k(logits: &[f32], k: usize) -> Vec<(usize, f64)> {
    let mut classes: Vec<(usize, f64)> = softmax(logits).into_iter().enumerate().collect();
    classes.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    classes.truncate(k);
    classes
}
