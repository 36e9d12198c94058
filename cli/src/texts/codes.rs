//! What each code means, for `habeas help CODE`.

/// What a code means, in a sentence or two.
pub(crate) fn meaning(code: &str) -> Option<&'static str> {
    MEANINGS.iter().find(|(known, _)| *known == code).map(|(_, meaning)| *meaning)
}

const MEANINGS: &[(&str, &str)] = &[
    ("HB1001", "The folder holds no keys: nothing has been set up in it."),
    ("HB1002", "The folder holds keys already, and nothing is ever made over them."),
    ("HB1003", "The folder is closed. Everything in it is encrypted and opens with the passphrase of this device."),
    ("HB1004", "The keys to read are locked away. The node goes on exchanging with the others in the meantime."),
    ("HB1005", "This organisation has keys and is in no registry yet. A registry of one organisation is normal."),
    ("HB1006", "This folder is in a registry already."),
    ("HB1007", "The passphrase does not open the folder."),
    ("HB1008", "Too many wrong passphrases came one after another; each further one has to wait longer."),
    ("HB1009", "Another process uses the folder. Two at once would damage it, so the second one is refused."),
    ("HB1010", "The file that holds the keys was edited or damaged. No passphrase opens it as it is."),
    ("HB1011", "The folder belongs to another registry, or its parts were copied from different folders."),
    ("HB1012", "The organisation's root key signs what the organisation decides; it is not kept on this device."),
    ("HB1013", "Nobody answered at the folder's socket: the node does not run, or ended before it had answered."),
    ("HB1014", "The passphrase is short enough to be guessed by a machine."),
    ("HB2001", "The file is of another kind than the command needs, such as a card where a draft belongs."),
    ("HB2002", "The file's checksum does not fit: it was cut off or changed on its way."),
    ("HB2003", "A signature in the file does not fit. Somebody other than its sender may have changed it."),
    ("HB2004", "A registry begins when every founder has signed; some signatures are missing."),
    ("HB2005", "The file was made for other organisations or devices than this one."),
    ("HB2006", "An address is a host and a port."),
    ("HB2007", "The backup was cut off, or a file in it is not the one that was saved."),
    ("HB2008", "The file is something else than a backup."),
    ("HB2009", "A file or folder of this name is there. Backups and archives are never written over anything."),
    (
        "HB2010",
        "The node reads and writes the files of backups and archives itself, and could not reach the one named.",
    ),
    ("HB3001", "No case file or docket that can be read here has this id or these words."),
    ("HB3002", "No field has this name, or it is computed and cannot be stated."),
    ("HB3003", "The value does not have the form that its field needs, such as a date or a number."),
    ("HB3004", "The field takes codes of a list, and this is none of them."),
    ("HB3005", "The field may not be written where it would be read by more people than it may reach."),
    ("HB3006", "The record has several entries of this kind, and the command does not say which one it means."),
    ("HB3007", "What stands in a docket is read by every member; each statement names a public source."),
    ("HB3008", "The file to be brought in has errors. Every one is listed, and nothing was brought in."),
    ("HB3009", "One statement or file is larger than can be stored and sent as one."),
    ("HB3020", "What was to be settled is not disputed: all who speak of it say the same, or it takes all values."),
    ("HB3021", "A conflict is settled between the claims that were seen, and those have changed in the meantime."),
    ("HB3022", "Each organisation takes back its own word only. Another one's stays, and yours can stand beside it."),
    ("HB3023", "There is no claim or settlement at this place of the record, or it was taken back already."),
    ("HB3030", "Consent, a mark or a circumstance keeps each of these case files at home. Nothing was shared."),
    ("HB3031", "Between the preview and the command something of it changed, so it is not what you looked at."),
    ("HB3032", "Nothing with this name waits: it has gone, was cancelled, or never was."),
    (
        "HB3033",
        "A case file is shared with other organisations, and none was named; or `everyone` was named with others.",
    ),
    ("HB3034", "Those who shared the case file took it back, so it is shown no more. What was read was read."),
    ("HB3035", "Only the organisation that keeps a case file shares it."),
    ("HB4001", "No member of the registry has this call-sign or id."),
    ("HB4002", "Another node sent something that a sound node never sends. It was not taken."),
    ("HB4003", "Two different statements carry one number under one key. Both are kept, neither counts."),
    ("HB4004", "Everything was exchanged and the copies still differ. This should not be."),
    ("HB4005", "This device's own key has signed something that this device did not."),
    ("HB4006", "An author wrote what no version of this program writes. It counts as empty, for everybody."),
    ("HB4007", "An author wrote with a newer version of this program, which this one cannot read."),
    ("HB4010", "A name of your own for an organisation could be taken for something else, or does not fit."),
    ("HB5001", "The disk is full. What was confirmed as saved is saved."),
    ("HB5002", "The disk cannot be read or written."),
    ("HB5003", "A row of the store was changed by something other than the node. It was not used."),
    ("HB5004", "The program and the node do not understand each other, most likely because their versions differ."),
    ("HB5005", "Something happened that was thought impossible. It is our mistake."),
    ("HB6001", "A passphrase is needed, and nobody can be asked: there is no terminal, or --no-input was given."),
    ("HB6002", "A file that the command names cannot be read."),
    ("HB6003", "A file could not be written: it is there already, or its folder does not allow it."),
    ("HB6004", "The program `habeas-node` was not found beside `habeas`, or may not be run."),
    ("HB6005", "The node was started and ended again, or did not answer in time."),
    ("HB6006", "The demonstration checks what it shows, and something was not as it must be."),
    ("HB6007", "The folder is found through the home folder, and there is none."),
    ("HB6008", "A new passphrase is typed twice, so that a slip does not lock you out."),
    ("HB6009", "Help explains commands, codes such as HB1013, and exit-codes."),
    ("HB6010", "The command was ended by Ctrl-C or by the system."),
    ("HB6011", "What was asked cannot be undone, and asks for a word of confirmation."),
    ("HB6020", "The doctor found something that must be mended; each finding says how."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::known;

    #[test]
    fn every_code_is_explained_and_nothing_else_is() {
        let known: Vec<_> = known().map(|(code, ..)| code).collect();
        let explained: Vec<_> = MEANINGS.iter().map(|(code, _)| *code).collect();
        assert_eq!(explained, known);
    }
}
