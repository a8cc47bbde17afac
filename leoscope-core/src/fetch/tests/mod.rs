mod lists;
mod plans;
mod transfers;
mod world;
