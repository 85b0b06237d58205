//! `amop doctor`: the arguments of the verb; the work is done in `doctor`.

use std::time::Duration;

use clap::Args;

use crate::connection::{Endpoints, Identity, endpoints};
use crate::doctor;
use crate::exit::{Exit, Outcome};
use crate::in_force::InForce;
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::values::positive_seconds;

/// Find out why a connection doesn't work, and what to do about it
///
/// Checks every step from the host name to a message and its reply. It subscribes to a temporary topic and sends one
/// message to itself.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{}", doctor::findings()))]
pub(crate) struct Doctor {
    /// The node's port for SDKs (2.x: channel, 3.x: RPC): host:port, IPv4:port or [IPv6]:port; several nodes separated by commas are checked one
    /// after the other. With --config it is left out, or given as --endpoint
    #[arg(value_name = "ENDPOINT", value_parser = endpoints(), required = true)]
    endpoints: Option<Endpoints>,
    #[command(flatten)]
    identity: Identity,
    /// The time limit for each answer
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = positive_seconds)]
    timeout: Duration,
}

const EXAMPLES: &str = "\
Examples:
  amop doctor 127.0.0.1:20200
  amop doctor node.example.com:20200 --credentials nodes/127.0.0.1/sdk
  amop doctor 127.0.0.1:20200 --json | jq -r 'select(.outcome == \"failed\").finding'";

impl Doctor {
    pub(crate) async fn run(self, output: &mut Output, interrupt: &Interrupt) -> Outcome {
        let examine = async {
            let given = self.identity.given(self.endpoints.as_ref());
            let in_force = InForce::find(given, self.identity.config_file()).await?;
            let identity = doctor::Identity::of(&in_force);
            let endpoints = in_force.some_endpoints()?;
            let is_one = endpoints.len() == 1;
            let mut first = Exit::Done;
            for endpoint in &endpoints {
                let exit = doctor::examine(endpoint, is_one, &identity, self.timeout, output).await?;
                first = if first == Exit::Done { exit } else { first };
            }
            Ok(first)
        };
        interrupt.unless_caught(examine).await.unwrap_or(Ok(Exit::Interrupted))
    }
}
