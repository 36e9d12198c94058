# One word for one thing, in every file and every language:
#   case file · docket · registry · organisation · call-sign · node · device · copy · entry · statement · source · grade
#   stage · card · draft · signature · passphrase · root passphrase · backup · on hold · locked · closed · disputed

as_of = as of { $moment }
working = working, { $seconds } s …
trying = trying the passphrase …
progress_records =
    { $done } of { $all ->
        [one] { $all } record
       *[other] { $all } records
    } ({ $percent } %)
progress_written =
    written: { $done } of { $all ->
        [one] { $all } record
       *[other] { $all } records
    } ({ $percent } %)
progress_bytes = { $done } of { $all } MB ({ $percent } %)
next_heading = Next:
finding = line { $line }: { $path }: { $sentence }
next_line = next: { $step }
more_on = { $code }: `habeas help { $code }` says more

no_home = there is no home folder, and none was named
too_large = it is too large
not_utf8 = its name is not UTF-8
unreadable = { $path } cannot be read: { $why }
unwritten = { $path } cannot be written: { $why }
written = written to { $path }

other_reply = the node answered something else than was asked
no_node = no node runs for the folder { $folder }
node_cut = the node ended or was ended before it had answered
node_late = the node has not answered for { $seconds } seconds
answer_large = the answer is larger than { $bytes } bytes
answer_foreign = the answer (HTTP { $status }) is not one that this version understands

id_garbled = not a valid { $expected } id: a character is wrong, missing or too many
id_of_other_kind = expected a { $expected } id, got a { $found } id
no_topic = there is no help on `{ $topic }`
no_topic_but = there is no help on `{ $topic }`; did you mean `{ $nearest }`?
explanation =
    { $code }: { $cause }

    next: { $next }
    exit status: { $exit }
exit_statuses =
    Exit statuses:
      0    done
      1    not done
      2    the command or one of its values is not as it must be
      3    done in part
      4    locked, or closed: a passphrase is needed first
      6    disputed
      10   nothing here yet: init, found or join first
      11   no node runs
      12   wrong passphrase
      13   a check of a file, signature or stored row failed
      75   too early: try again later
      130  interrupted
    A status that is not listed means: not done.
