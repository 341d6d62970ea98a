//! Four values processed at once.
//!
//! On the web these are SIMD instructions: a build for size does not vectorise by itself. Natively they are arrays, which the compiler
//! vectorises.

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod imp {
    use core::arch::wasm32::{
        f32x4, f32x4_add, f32x4_extract_lane, f32x4_mul, f32x4_pmax, f32x4_splat, f32x4_sub, i32x4_shuffle, v128,
    };

    /// Four values.
    pub type Lanes = v128;

    #[inline(always)]
    pub fn new([a, b, c, d]: [f32; 4]) -> Lanes {
        f32x4(a, b, c, d)
    }

    #[inline(always)]
    pub fn splat(value: f32) -> Lanes {
        f32x4_splat(value)
    }

    #[inline(always)]
    pub fn add(a: Lanes, b: Lanes) -> Lanes {
        f32x4_add(a, b)
    }

    #[inline(always)]
    pub fn subtract(a: Lanes, b: Lanes) -> Lanes {
        f32x4_sub(a, b)
    }

    #[inline(always)]
    pub fn multiply(a: Lanes, b: Lanes) -> Lanes {
        f32x4_mul(a, b)
    }

    /// `sum + a · b`.
    #[inline(always)]
    pub fn multiply_add(sum: Lanes, a: Lanes, b: Lanes) -> Lanes {
        f32x4_add(sum, f32x4_mul(a, b))
    }

    /// Negative values become zero; NaN stays NaN.
    #[inline(always)]
    pub fn relu(lanes: Lanes) -> Lanes {
        f32x4_pmax(lanes, f32x4_splat(0.0))
    }

    #[inline(always)]
    pub fn array(lanes: Lanes) -> [f32; 4] {
        [
            f32x4_extract_lane::<0>(lanes),
            f32x4_extract_lane::<1>(lanes),
            f32x4_extract_lane::<2>(lanes),
            f32x4_extract_lane::<3>(lanes),
        ]
    }

    /// The transpose.
    #[inline(always)]
    pub fn transpose([a, b, c, d]: [Lanes; 4]) -> [Lanes; 4] {
        let (ab, cd) = (i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<0, 4, 1, 5>(c, d));
        let (ab_high, cd_high) = (i32x4_shuffle::<2, 6, 3, 7>(a, b), i32x4_shuffle::<2, 6, 3, 7>(c, d));
        [
            i32x4_shuffle::<0, 1, 4, 5>(ab, cd),
            i32x4_shuffle::<2, 3, 6, 7>(ab, cd),
            i32x4_shuffle::<0, 1, 4, 5>(ab_high, cd_high),
            i32x4_shuffle::<2, 3, 6, 7>(ab_high, cd_high),
        ]
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod imp {
    use core::array::from_fn;

    /// Four values.
    pub type Lanes = [f32; 4];

    #[inline(always)]
    pub fn new(values: [f32; 4]) -> Lanes {
        values
    }

    #[inline(always)]
    pub fn splat(value: f32) -> Lanes {
        [value; 4]
    }

    #[inline(always)]
    pub fn add(a: Lanes, b: Lanes) -> Lanes {
        from_fn(|i| a[i] + b[i])
    }

    #[inline(always)]
    pub fn subtract(a: Lanes, b: Lanes) -> Lanes {
        from_fn(|i| a[i] - b[i])
    }

    #[inline(always)]
    pub fn multiply(a: Lanes, b: Lanes) -> Lanes {
        from_fn(|i| a[i] * b[i])
    }

    /// `sum + a · b`.
    #[inline(always)]
    pub fn multiply_add(sum: Lanes, a: Lanes, b: Lanes) -> Lanes {
        from_fn(|i| sum[i] + a[i] * b[i])
    }

    /// Negative values become zero; NaN stays NaN.
    #[inline(always)]
    pub fn relu(lanes: Lanes) -> Lanes {
        lanes.map(|value| if value < 0.0 { 0.0 } else { value })
    }

    #[inline(always)]
    pub fn array(lanes: Lanes) -> [f32; 4] {
        lanes
    }

    /// The transpose.
    #[inline(always)]
    pub fn transpose(rows: [Lanes; 4]) -> [Lanes; 4] {
        from_fn(|i| rows.map(|row| row[i]))
    }
}

/// Eight values as a pair.
#[inline(always)]
pub fn pair(&[a, b, c, d, e, f, g, h]: &[f32; 8]) -> [Lanes; 2] {
    [new([a, b, c, d]), new([e, f, g, h])]
}

/// The eight values of a pair.
#[inline(always)]
pub fn eight([left, right]: [Lanes; 2]) -> [f32; 8] {
    let ([a, b, c, d], [e, f, g, h]) = (array(left), array(right));
    [a, b, c, d, e, f, g, h]
}

pub use imp::{Lanes, add, array, multiply, multiply_add, new, relu, splat, subtract, transpose};
