//! Vectors of three numbers.

pub(super) type Vector = [f64; 3];

pub(super) fn dot(a: &Vector, b: &Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn cross(a: &Vector, b: &Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub(super) fn minus(a: &Vector, b: &Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(super) fn times(a: &Vector, factor: f64) -> Vector {
    a.map(|part| part * factor)
}

pub(super) fn norm(a: &Vector) -> f64 {
    dot(a, a).sqrt()
}

pub(super) fn unit(a: &Vector) -> Vector {
    times(a, norm(a).recip())
}

/// `a` turned about the third axis by an angle of that sine and cosine.
pub(super) fn turned(a: &Vector, (sin, cos): (f64, f64)) -> Vector {
    [a[0] * cos - a[1] * sin, a[0] * sin + a[1] * cos, a[2]]
}
