//! The dish's map of what obstructs it.

use super::wire::DishGetObstructionMapResponse;
use crate::error::{Error, Result};
use crate::model::{MapFrame, ObstructionMap};
use crate::time::Timestamp;

/// The map as the model has it.
///
/// # Errors
/// `Internal` for one whose cells are not its rows times its columns.
pub(super) fn read(map: DishGetObstructionMapResponse, now: Timestamp) -> Result<ObstructionMap> {
    let DishGetObstructionMapResponse {
        num_rows: rows,
        num_cols: columns,
        snr: cells,
        min_elevation_deg,
        max_theta_deg,
        map_reference_frame,
    } = map;
    if u64::from(rows) * u64::from(columns) != u64::try_from(cells.len()).unwrap_or(u64::MAX)
        || cells.is_empty()
    {
        let count = cells.len();
        return Err(Error::internal(format!("the dish's map of {rows} by {columns} has {count} cells")));
    }
    let told = |degrees: f32| Some(f64::from(degrees)).filter(|d| d.is_finite() && *d != 0.0);
    Ok(ObstructionMap {
        at: now,
        rows,
        columns,
        // Cells of which nothing is known are below 0.
        clear: cells.into_iter().map(|cell| Some(cell).filter(|cell| *cell >= 0.0)).collect(),
        min_elevation_deg: told(min_elevation_deg),
        max_theta_deg: told(max_theta_deg),
        frame: match map_reference_frame {
            1 => Some(MapFrame::Earth),
            2 => Some(MapFrame::Dish),
            _ => None,
        },
    })
}
