# Sharing: what would go to whom, what is held back, what waits.

cancelled = cancelled; nothing of it has gone
nothing_goes = none of these case files may go to them
not_shared = nothing was shared: it was not confirmed
confirm_share = read the preview, then repeat the command with --yes
everyone_alone = `everyone` is named alone, without other organisations
none_wait = Nothing waits to be shared.
next_cancel = cancel it while it waits
next_list = see who can read what
everyone = everyone
only_own = only your organisation
column_case_readers = who can read it
withdrawn_everywhere = Where it was shared it is shown no longer, and whoever keeps it is told. What was read stays read: call those who had it.
column_taken_back = had it before
had_until = { $from }, until { $since } (withdrawn by { $by }); what was read stays read
column_share = share
column_to = to
column_case_files = case files
column_goes_at = goes at
column_case = case file
column_goes = goes
column_stays = stays
why_values_stay = Why values stay:
none_else = –
headline =
    { $cases ->
        [one] { $cases } case file
       *[other] { $cases } case files
    } → { $readers }
headline_held =
    { $cases ->
        [one] { $cases } case file
       *[other] { $cases } case files
    } → { $readers }; { $held } held back
organisations =
    { $organisations ->
        [one] { $organisations } organisation
       *[other] { $organisations } organisations
    }
in_countries =
    { $organisations } in { $countries ->
        [one] { $countries } country
       *[other] { $countries } countries
    }
in_countries_or_unknown =
    { $organisations } in { $countries ->
        [one] { $countries } country
       *[other] { $countries } countries
    }, { $unknown } of unknown country
for_some =
    { $reason } ({ $organisations ->
        [one] { $organisations } organisation
       *[other] { $organisations } organisations
    })
goes =
    { $fields ->
        [one] { $fields } field
       *[other] { $fields } fields
    }
whole = the whole case file
notice_review = the consent was to be reviewed before today
notice_conditions = the consent has conditions in words: read them first
ask_everyone =
    Show this much of { $cases ->
        [one] { $cases } case file
       *[other] { $cases } case files
    } to everyone? [y/N]{" "}
ask_organisations =
    Share { $cases ->
        [one] { $cases } case file
       *[other] { $cases } case files
    } with { $organisations ->
        [one] { $organisations } organisation
       *[other] { $organisations } organisations
    }? [y/N]{" "}
goes_now = It goes now. What others have read they cannot unread.
goes_in =
    It goes in { $minutes ->
        [one] { $minutes } minute
       *[other] { $minutes } minutes
    }; until then it can be cancelled.
