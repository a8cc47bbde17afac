//! The dish's alerts.

use super::wire::DishAlerts;
use crate::trigger::Field;

/// An alert: its number in the dish's interface, its name there, its field, and whether it is on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Alert {
    pub(super) number: u32,
    pub(super) name: &'static str,
    pub(super) field: Field,
    pub(super) is_on: bool,
}

macro_rules! alerts {
    ($($number:literal $name:ident $field:ident,)*) => {
        /// How many there are.
        const COUNT: usize = [$($number),*].len();

        /// All of them; none is on where the dish does not tell.
        pub(super) fn all(alerts: &DishAlerts) -> [Alert; COUNT] {
            let DishAlerts { $($name),* } = alerts;
            [$(Alert {
                number: $number,
                name: stringify!($name),
                field: Field::$field,
                is_on: *$name,
            }),*]
        }
    };
}

alerts! {
    1 motors_stuck DISH_ALERT_MOTORS_STUCK,
    2 thermal_shutdown DISH_ALERT_THERMAL_SHUTDOWN,
    3 thermal_throttle DISH_ALERT_THERMAL_THROTTLE,
    4 unexpected_location DISH_ALERT_UNEXPECTED_LOCATION,
    5 mast_not_near_vertical DISH_ALERT_MAST_NOT_NEAR_VERTICAL,
    6 slow_ethernet_speeds DISH_ALERT_SLOW_ETHERNET_SPEEDS,
    7 roaming DISH_ALERT_ROAMING,
    8 install_pending DISH_ALERT_INSTALL_PENDING,
    9 is_heating DISH_ALERT_IS_HEATING,
    10 power_supply_thermal_throttle DISH_ALERT_POWER_SUPPLY_THERMAL_THROTTLE,
    11 is_power_save_idle DISH_ALERT_IS_POWER_SAVE_IDLE,
    14 dbf_telem_stale DISH_ALERT_DBF_TELEM_STALE,
    16 low_motor_current DISH_ALERT_LOW_MOTOR_CURRENT,
    17 lower_signal_than_predicted DISH_ALERT_LOWER_SIGNAL_THAN_PREDICTED,
    18 slow_ethernet_speeds_100 DISH_ALERT_SLOW_ETHERNET_SPEEDS_100,
    19 obstruction_map_reset DISH_ALERT_OBSTRUCTION_MAP_RESET,
    20 dish_water_detected DISH_ALERT_DISH_WATER_DETECTED,
    21 router_water_detected DISH_ALERT_ROUTER_WATER_DETECTED,
    22 upsu_router_port_slow DISH_ALERT_UPSU_ROUTER_PORT_SLOW,
    23 no_ethernet_link DISH_ALERT_NO_ETHERNET_LINK,
}

/// Those that are on as bits: bit n-1 is alert n.
pub(super) fn bits(alerts: &DishAlerts) -> u32 {
    all(alerts).iter().filter(|alert| alert.is_on).map(|alert| 1 << (alert.number - 1)).sum()
}
