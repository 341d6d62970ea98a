//! Four numbers that are worked on at once.
//!
//! On the web these are the vector instructions themselves: the page is compiled for size, at which level the compiler makes none of its
//! own. Elsewhere they are arrays, which it turns into vectors.

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod imp {
    use core::arch::wasm32::{f32x4, f32x4_add, f32x4_extract_lane, f32x4_mul, f32x4_splat, v128};

    /// Four numbers.
    pub type Lanes = v128;

    #[inline(always)]
    pub fn new([a, b, c, d]: [f32; 4]) -> Lanes {
        f32x4(a, b, c, d)
    }

    #[inline(always)]
    pub fn splat(value: f32) -> Lanes {
        f32x4_splat(value)
    }

    /// `sum + a · b`.
    #[inline(always)]
    pub fn multiply_add(sum: Lanes, a: Lanes, b: Lanes) -> Lanes {
        f32x4_add(sum, f32x4_mul(a, b))
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
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod imp {
    /// Four numbers.
    pub type Lanes = [f32; 4];

    #[inline(always)]
    pub fn new(values: [f32; 4]) -> Lanes {
        values
    }

    #[inline(always)]
    pub fn splat(value: f32) -> Lanes {
        [value; 4]
    }

    /// `sum + a · b`.
    #[inline(always)]
    pub fn multiply_add(sum: Lanes, a: Lanes, b: Lanes) -> Lanes {
        [sum[0] + a[0] * b[0], sum[1] + a[1] * b[1], sum[2] + a[2] * b[2], sum[3] + a[3] * b[3]]
    }

    #[inline(always)]
    pub fn array(lanes: Lanes) -> [f32; 4] {
        lanes
    }
}

pub use imp::{Lanes, array, multiply_add, new, splat};
