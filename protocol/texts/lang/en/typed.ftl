# What is wrong with what was typed.

heading_usage = Usage:
possible_values = [possible values: { $values }]
unknown_command = there is no command `{ $typed }`
unknown_argument = there is no option `{ $typed }`
word_too_many = one word too many: `{ $typed }`; several words that belong together, such as those of a record, go in quotes or with hyphens
missing_argument = this is missing: { $names }
missing_command = a command is missing: { $names }
no_value = `{ $argument }` has no value
wrong_value = `{ $value }` is not a value of `{ $argument }`
wrong_value_because = `{ $value }` is not a value of `{ $argument }`: { $why }
too_many_values = `{ $value }` is one value too many for `{ $argument }`
conflict = `{ $argument }` and `{ $other }` are not used together
repeated = `{ $argument }` is given once only
not_understood = what was typed is not a command
not_within = it must be within { $range }
not_a_number = it must be a whole number
did_you_mean = did you mean `{ $nearest }`?
no_such_field = there is no field `{ $field }`
no_such_field_but = there is no field `{ $field }`; did you mean `{ $nearest }`?
next_fields = run `habeas help fields { $record }`: it lists the fields of this part of a record
field_value_form = write it as FIELD=VALUE, such as capture_episode.date=2023-06-10
