# Демонстрация.

interrupted = демонстрация прервана; её узлы остановлены, папка удалена
not_apart = разрыв не удержался: один узел увидел то, что другой написал без связи
nothing_to_dispute = в файле нет даты или числа, о которых два источника могли бы сообщить разное
faults = что-то не так, как должно быть
fault_differ = копии не совпадают
fault_one_sided = не на каждом узле оба значения показаны рядом
fault_no_conflict = спорное значение не учтено
fault_left_home = дело, которое не передаётся, вышло за пределы своей организации
fault_foreign_cases = у организации показаны дела, которых ей не передавали
fault_lost = там, куда дело загрузили, его нет
fault_case_not_arrived = переданное дело дошло не везде
fault_not_arrived = публичная карточка дошла не везде
wait_met = соединения двух первых узлов
wait_shared = записи того, чем делятся
wait_arrived = получения всего, чем поделились
wait_cut = разрыва соединений
wait_equal = нового совпадения всех копий
waited =
    { $seconds ->
        [one] прошла { $seconds } секунда
        [few] прошло { $seconds } секунды
       *[many] прошло { $seconds } секунд
    } в ожидании { $what }
no_port = на этом компьютере нет свободного порта: { $why }
said_by_node = узел { $number }: { $line }

opens =
    { $organisations ->
        [one] { $organisations } организация
        [few] { $organisations } организации
       *[many] { $organisations } организаций
    } на этом компьютере, данные вымышлены, всё находится в { $folder }
explains =
    Сервера нет: у каждой свой узел. Они создают общий реестр дел, передают часть дел, теряют связь, расходятся и снова находят друг друга.
    Их имена из двух слов придуманы программой. Каждая строка ниже проверена на работающих узлах.
told_started =
    { $nodes ->
        [one] работает { $nodes } узел в отдельном процессе, со своими ключами
        [few] работают { $nodes } узла, каждый в отдельном процессе, со своими ключами
       *[many] работают { $nodes } узлов, каждый в отдельном процессе, со своими ключами
    }
told_founded = основан реестр: { $names } (его слова: { $words })
told_imported =
    { $by } загружает { $cases ->
        [one] { $cases } дело
        [few] { $cases } дела
       *[many] { $cases } дел
    } и { $dockets ->
        [one] { $dockets } публичную карточку
        [few] { $dockets } публичные карточки
       *[many] { $dockets } публичных карточек
    }
told_shared =
    { $cases ->
        [one] { $cases } дело открыто
        [few] { $cases } дела открыты
       *[many] { $cases } дел открыты
    } { $organisations ->
        [one] { $organisations } организации
       *[many] { $organisations } организациям
    }, насколько позволяет согласие; что остаётся и почему:
told_arrived_device =
    на другом устройстве теперь есть всё: дела и { $dockets ->
        [one] { $dockets } публичная карточка
        [few] { $dockets } публичные карточки
       *[many] { $dockets } публичных карточек
    }
told_arrived =
    { $cases ->
        [one] { $cases } дело
        [few] { $cases } дела
       *[many] { $cases } дел
    } и { $dockets ->
        [one] { $dockets } публичная карточка
        [few] { $dockets } публичные карточки
       *[many] { $dockets } публичных карточек
    } дошли до { $organisations ->
        [one] { $organisations } другой организации
       *[many] { $organisations } других организаций
    }
told_cut = узел организации { $apart } отрезан от остальных; соединения разорваны
told_corrected = без связи друг с другом обе стороны исправляют в { $label } «{ $field }»: { $first }, { $second }
told_healed =
    связь восстановлена; { $nodes ->
        [one] на { $nodes } узле
       *[many] на { $nodes } узлах
    } снова одно и то же
told_asked = юрист ищет в копии { $by } карточки с обвинением «{ $article }»: подходит { $found } из { $dockets }
told_pausing = ожидание файла { $until }
checked =
    проверено на { $nodes ->
        [one] { $nodes } узле
       *[many] { $nodes } узлах
    }: копии совпадают, видны оба значения, из дома не { $cases ->
        [one] вышло { $cases } дело
        [few] вышли { $cases } дела
       *[many] вышли { $cases } дел
    }
disputed = Что теперь везде показано в { $label }, «{ $field }»:
column_shown_on = показано на
of_nodes = { $shown } из { $all }

next_keep = то же самое, и осмотреться
next_init = начать по-настоящему
next_help = всё остальное
kept_running = Узлы продолжают работать. Вместо `status` можно: `docket list`, `case list`, `docket show СЛОВА`, `peers`, `lock`, `unlock`.
kept_end = Когда насмотритесь, это завершит их и удалит всё, что от них осталось:
kept_logs = папки и журналы узлов: { $folder }
