//! What must hold while parts fail: nothing that was acknowledged is lost, nothing is there twice, and everybody ends
//! with the server's history.
//!
//! Each test puts [load](load::Load) on a server, breaks something, and has the [checker](world::World::check) compare
//! what senders were told, what the database holds, and what listeners made of it.

mod brokers;
mod database;
mod dead_letters;
mod kill;
mod load;
mod nodes;
mod slow;
mod stop;
mod world;
