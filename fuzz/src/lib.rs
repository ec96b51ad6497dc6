//! What the fuzz targets share: reading, and naive readings to compare with.

pub mod naive;
pub mod reading;
pub mod tree;
