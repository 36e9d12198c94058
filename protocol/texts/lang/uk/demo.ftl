# Демонстрація.

interrupted = демонстрацію перервано; її вузли зупинено, теку видалено
not_apart = розрив не втримався: один вузол побачив те, що інший написав без зв’язку
nothing_to_dispute = у файлі немає дати чи числа, про які два джерела могли б повідомити різне
faults = щось не так, як має бути
fault_differ = копії не збігаються
fault_one_sided = не на кожному вузлі обидва значення показано поруч
fault_no_conflict = спірне значення не враховано
fault_left_home = справа, яку не передають, вийшла за межі своєї організації
fault_foreign_cases = в організації показано справи, яких їй не передавали
fault_lost = там, куди справу завантажили, її немає
fault_case_not_arrived = передана справа дійшла не всюди
fault_not_arrived = публічна картка дійшла не всюди
wait_met = з’єднання двох перших вузлів
wait_shared = запису того, чим діляться
wait_arrived = отримання всього, чим поділилися
wait_cut = розриву з’єднань
wait_equal = нового збігу всіх копій
waited =
    { $seconds ->
        [one] минула { $seconds } секунда
        [few] минуло { $seconds } секунди
       *[many] минуло { $seconds } секунд
    } в очікуванні { $what }
no_port = на цьому комп’ютері немає вільного порту: { $why }
said_by_node = вузол { $number }: { $line }

opens =
    { $organisations ->
        [one] { $organisations } організація
        [few] { $organisations } організації
       *[many] { $organisations } організацій
    } на цьому комп’ютері, дані вигадані, усе міститься в { $folder }
explains =
    Сервера немає: у кожної свій вузол. Вони створюють спільний реєстр справ, передають частину справ, втрачають зв’язок, розходяться і знову знаходять одна одну.
    Їхні імена з двох слів вигадала програма. Кожен рядок нижче перевірено на вузлах, що працюють.
told_started =
    { $nodes ->
        [one] працює { $nodes } вузол в окремому процесі, з власними ключами
        [few] працюють { $nodes } вузли, кожен в окремому процесі, з власними ключами
       *[many] працюють { $nodes } вузлів, кожен в окремому процесі, з власними ключами
    }
told_founded = засновано реєстр: { $names } (його слова: { $words })
told_imported =
    { $by } завантажує { $cases ->
        [one] { $cases } справу
        [few] { $cases } справи
       *[many] { $cases } справ
    } і { $dockets ->
        [one] { $dockets } публічну картку
        [few] { $dockets } публічні картки
       *[many] { $dockets } публічних карток
    }
told_shared =
    { $cases ->
        [one] { $cases } справу відкрито
        [few] { $cases } справи відкрито
       *[many] { $cases } справ відкрито
    } { $organisations ->
        [one] { $organisations } організації
       *[many] { $organisations } організаціям
    }, наскільки дозволяє згода; що лишається й чому:
told_arrived_device =
    на іншому пристрої тепер є все: справи та { $dockets ->
        [one] { $dockets } публічна картка
        [few] { $dockets } публічні картки
       *[many] { $dockets } публічних карток
    }
told_arrived =
    { $cases ->
        [one] { $cases } справа
        [few] { $cases } справи
       *[many] { $cases } справ
    } і { $dockets ->
        [one] { $dockets } публічна картка
        [few] { $dockets } публічні картки
       *[many] { $dockets } публічних карток
    } дійшли до { $organisations ->
        [one] { $organisations } іншої організації
       *[many] { $organisations } інших організацій
    }
told_cut = вузол організації { $apart } відрізано від решти; з’єднання розірвано
told_corrected = без зв’язку одна з одною обидві сторони виправляють у { $label } «{ $field }»: { $first }, { $second }
told_healed =
    зв’язок відновлено; { $nodes ->
        [one] на { $nodes } вузлі
       *[many] на { $nodes } вузлах
    } знову одне й те саме
told_asked = юрист шукає в копії { $by } картки з обвинуваченням «{ $article }»: підходить { $found } з { $dockets }
told_pausing = очікування файлу { $until }
checked =
    перевірено на { $nodes ->
        [one] { $nodes } вузлі
       *[many] { $nodes } вузлах
    }: копії збігаються, видно обидва значення, з дому не { $cases ->
        [one] вийшла { $cases } справа
        [few] вийшли { $cases } справи
       *[many] вийшли { $cases } справ
    }
disputed = Що тепер усюди показано в { $label }, «{ $field }»:
column_shown_on = показано на
of_nodes = { $shown } з { $all }

next_keep = те саме, і роззирнутися
next_init = почати по-справжньому
next_help = усе інше
kept_running = Вузли працюють далі. Замість `status` можна: `docket list`, `case list`, `docket show СЛОВА`, `peers`, `lock`, `unlock`.
kept_end = Коли надивитеся, це завершить їх і видалить усе, що від них лишилося:
kept_logs = теки й журнали вузлів: { $folder }
