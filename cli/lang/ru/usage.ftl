# Справка о командах и что не так с набранным.

examples = Примеры:
heading_usage = Использование:
heading_commands = Команды
heading_arguments = Аргументы
heading_options = Параметры
heading_global = Для каждой команды
word_command = КОМАНДА
help_flag = Показать справку
version_flag = Показать версию
default_value = [по умолчанию: { $value }]
possible_values = [возможные значения: { $values }]
wrong = ошибка:
unknown_command = команды «{ $typed }» нет
unknown_argument = параметра «{ $typed }» нет
missing_argument = не хватает: { $names }
missing_command = не хватает команды: { $names }
no_value = у «{ $argument }» нет значения
wrong_value = значение «{ $value }» не подходит для «{ $argument }»
wrong_value_because = значение «{ $value }» не подходит для «{ $argument }»: { $why }
too_many_values = значение «{ $value }» у «{ $argument }» лишнее
conflict = «{ $argument }» и «{ $other }» вместе не используются
repeated = «{ $argument }» можно указать только один раз
did_you_mean = может быть, «{ $nearest }»?
more_help = Подробнее: `--help`.
