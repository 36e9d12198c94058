# Довідка про команди і що не так із набраним.

examples = Приклади:
heading_usage = Використання:
heading_commands = Команди
heading_arguments = Аргументи
heading_options = Параметри
heading_global = Для кожної команди
word_command = КОМАНДА
help_flag = Показати довідку
version_flag = Показати версію
default_value = [типово: { $value }]
possible_values = [можливі значення: { $values }]
wrong = помилка:
unknown_command = команди «{ $typed }» немає
unknown_argument = параметра «{ $typed }» немає
missing_argument = бракує: { $names }
missing_command = бракує команди: { $names }
no_value = «{ $argument }» не має значення
wrong_value = значення «{ $value }» не підходить для «{ $argument }»
wrong_value_because = значення «{ $value }» не підходить для «{ $argument }»: { $why }
too_many_values = значення «{ $value }» для «{ $argument }» зайве
conflict = «{ $argument }» і «{ $other }» разом не використовують
repeated = «{ $argument }» можна вказати лише один раз
did_you_mean = можливо, «{ $nearest }»?
more_help = Докладніше: `--help`.
