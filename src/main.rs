//! The page. Logic is in plain structs that are tested without a browser; components are thin.

mod deferred;
mod dom;
mod engine_client;
mod figures;
mod language;
mod parts;
mod session;
mod shell;
mod site;

fn main() {
    shell::start();
}
