# Одно слово для одной вещи, во всех файлах:
#   case file — дело · docket — публичная карточка (дела) · registry — реестр · organisation — организация
#   call-sign — позывной · node — узел · device — устройство · copy — копия · entry — запись · statement — утверждение
#   source — источник · grade — оценка · stage — стадия · card — визитка (организации) · draft — черновик
#   signature — подпись · passphrase — парольная фраза · root passphrase — главная парольная фраза · root key — главный ключ
#   backup — резервная копия · on hold — обмен приостановлен · locked — заперто · closed — закрыто · disputed — спорное
#   folder — папка · field — поле · code — код · commons — общая часть реестра

as_of = по состоянию на { $moment }
working = работаю, { $seconds } с …
trying = проверяю парольную фразу …
progress_records =
    { $done } из { $all ->
        [one] { $all } дела или карточки
       *[other] { $all } дел и карточек
    } ({ $percent } %)
progress_written =
    записано: { $done } из { $all ->
        [one] { $all } дела или карточки
       *[other] { $all } дел и карточек
    } ({ $percent } %)
progress_bytes = { $done } из { $all } МБ ({ $percent } %)
next_heading = Дальше:
finding = строка { $line }: { $path }: { $sentence }
next_line = что делать: { $step }
more_on = { $code }: подробнее — `habeas help { $code }`

no_home = домашней папки нет, и никакая другая не указана
too_large = файл слишком большой
not_utf8 = имя файла не в UTF-8
unreadable = не удаётся прочитать { $path }: { $why }
unwritten = не удаётся записать { $path }: { $why }
written = записано в { $path }

other_reply = узел ответил не на тот вопрос
no_node = для папки { $folder } узел не запущен
node_cut = узел завершил работу, не успев ответить
node_late =
    узел не отвечает уже { $seconds ->
        [one] { $seconds } секунду
        [few] { $seconds } секунды
       *[many] { $seconds } секунд
    }
answer_large =
    ответ больше { $bytes ->
        [one] { $bytes } байта
       *[many] { $bytes } байт
    }
answer_foreign = эта версия не понимает ответа (HTTP { $status })

id_garbled = это не id вида { $expected }: какой-то знак неверен, пропущен или лишний
id_of_other_kind = нужен id вида { $expected }, а это id вида { $found }
no_topic = справки по теме `{ $topic }` нет
no_topic_but = справки по теме `{ $topic }` нет; может быть, `{ $nearest }`?
explanation =
    { $code }: { $cause }

    что делать: { $next }
    код завершения: { $exit }
exit_statuses =
    Коды завершения:
      0    сделано
      1    не сделано
      2    команда или одно из значений заданы неверно
      3    сделано частично
      4    заперто или закрыто: сначала нужна парольная фраза
      6    есть разногласия
      10   здесь ещё ничего нет: сначала init, found или join
      11   узел не запущен
      12   неверная парольная фраза
      13   файл, подпись или хранимая строка не прошли проверку
      75   слишком рано: попробуйте позже
      130  прервано
    Любой другой код означает: не сделано.
