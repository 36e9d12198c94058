//! `habeas backup`: writes everything in a folder to one sealed file, verifies such a file, restores from it.

use std::path::PathBuf;

use protocol::app::control::{Reply, Request};

use super::ask_of;
use crate::{
    Context,
    daemon::{Needs, unexpected, visit_with},
    error::Failure,
    files,
    render::standing::{care, good},
    secret::Which,
    texts,
};

const CREATE: &str = "\
Examples:
  habeas backup create /media/stick/monday.backup";
const VERIFY: &str = "\
Examples:
  habeas backup verify /media/stick/monday.backup";
const RESTORE: &str = "\
Examples:
  habeas backup restore /media/stick/monday.backup --data restored";

/// Backups: everything of the folder in one file, sealed as it lies there.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Write a backup to a new file.
    #[command(before_help = CREATE)]
    Create(Backup),
    /// Unpack a backup beside the folder, open it and count what is in it.
    #[command(before_help = VERIFY)]
    Verify(Backup),
    /// Restore a backup into an empty folder; what it writes is told apart from what the lost one may have written.
    #[command(before_help = RESTORE)]
    Restore(Backup),
}

#[derive(Debug, clap::Args)]
struct Backup {
    /// The file.
    file: PathBuf,
}

pub(crate) async fn run(args: Args, context: &mut Context<'_>) -> Result<(), Failure> {
    let (What::Create(Backup { file }) | What::Verify(Backup { file }) | What::Restore(Backup { file })) = &args.what;
    let path = files::whole(file)?;
    // To verify or restore a backup needs no keys in this folder.
    let needs = if let What::Create(_) = args.what { Needs::Keys } else { Needs::Nothing };
    let reply = visit_with(needs, context, async |context, client| {
        let request = match &args.what {
            What::Create(_) => Request::BackupCreate { to: path },
            What::Verify(_) => Request::BackupVerify { from: path, passphrase: context.passphrase(Which::Device)? },
            What::Restore(_) => Request::BackupRestore { from: path },
        };
        Ok(ask_of(client, context, &request).await?)
    })
    .await?;
    let Reply::Backup { bytes, entries, .. } = reply else { return Err(unexpected(&reply)) };
    let said = match args.what {
        What::Create(_) => texts::backup_written(file, bytes),
        What::Verify(_) => texts::backup_sound(file, bytes, entries.unwrap_or_default()),
        What::Restore(_) => texts::backup_restored(file, bytes),
    };
    context.screen.reply(&reply, || good(&said));
    if let What::Restore(_) = args.what {
        context.screen.note(&care(&texts::old_folder()));
    }
    let typed = files::typed(file);
    let next = match args.what {
        What::Create(_) => (context.command(&format!("backup verify {typed}")), texts::next_verify()),
        What::Verify(_) => (format!("habeas --data restored backup restore {typed}"), texts::next_restore()),
        What::Restore(_) => (context.command("serve"), texts::next_serve()),
    };
    context.screen.note(&texts::next(&[next]));
    Ok(())
}
