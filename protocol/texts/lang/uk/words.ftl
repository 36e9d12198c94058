# Одне слово для однієї речі, в усіх файлах:
#   case file — справа · docket — публічна картка (справи) · registry — реєстр · organisation — організація
#   call-sign — позивний · node — вузол · device — пристрій · copy — копія · entry — запис · statement — твердження
#   source — джерело · grade — оцінка · stage — стадія · card — візитка (організації) · draft — чернетка
#   signature — підпис · passphrase — парольна фраза · root passphrase — головна парольна фраза · root key — головний ключ
#   backup — резервна копія · on hold — обмін призупинено · locked — замкнено · closed — закрито · disputed — спірне
#   folder — тека · field — поле · code — код · commons — спільна частина реєстру

as_of = станом на { $moment }
working = працюю, { $seconds } с …
trying = перевіряю парольну фразу …
progress_records =
    { $done } з { $all ->
        [one] { $all } справи або картки
       *[other] { $all } справ і карток
    } ({ $percent } %)
progress_written =
    записано: { $done } з { $all ->
        [one] { $all } справи або картки
       *[other] { $all } справ і карток
    } ({ $percent } %)
progress_bytes = { $done } з { $all } МБ ({ $percent } %)
next_heading = Далі:
finding = рядок { $line }: { $path }: { $sentence }
next_line = що робити: { $step }
more_on = { $code }: докладніше — `habeas help { $code }`

no_home = домашньої теки немає, і жодної іншої не вказано
too_large = файл завеликий
not_utf8 = назва файлу не в UTF-8
unreadable = не вдається прочитати { $path }: { $why }
unwritten = не вдається записати { $path }: { $why }
written = записано до { $path }

other_reply = вузол відповів не на те запитання
no_node = для теки { $folder } вузол не запущено
node_cut = вузол завершив роботу, не встигнувши відповісти
node_late =
    вузол не відповідає вже { $seconds ->
        [one] { $seconds } секунду
        [few] { $seconds } секунди
       *[many] { $seconds } секунд
    }
answer_large =
    відповідь більша за { $bytes ->
        [one] { $bytes } байт
        [few] { $bytes } байти
       *[many] { $bytes } байтів
    }
answer_foreign = ця версія не розуміє відповіді (HTTP { $status })

id_garbled = це не id виду { $expected }: якийсь знак неправильний, пропущений або зайвий
id_of_other_kind = потрібен id виду { $expected }, а це id виду { $found }
no_topic = довідки на тему `{ $topic }` немає
no_topic_but = довідки на тему `{ $topic }` немає; можливо, `{ $nearest }`?
explanation =
    { $code }: { $cause }

    що робити: { $next }
    код завершення: { $exit }
exit_statuses =
    Коди завершення:
      0    зроблено
      1    не зроблено
      2    команду або одне зі значень задано неправильно
      3    зроблено частково
      4    замкнено або закрито: спершу потрібна парольна фраза
      6    є розбіжності
      10   тут ще нічого немає: спершу init, found або join
      11   вузол не запущено
      12   неправильна парольна фраза
      13   файл, підпис або збережений рядок не пройшли перевірки
      75   зарано: спробуйте пізніше
      130  перервано
    Будь-який інший код означає: не зроблено.
