%% Erlang/OTP: what erlang_peer.py compiles and runs. Prints one JSON object: nanoseconds for one operation.
-module(erlang_peer).
-export([serve/0, local/0, tell/0, ask/0, counter/1, ring/0]).

-define(STATUS, {status, <<"task-000123">>, <<"675f2187-A1">>, <<"TASK_RUNNING">>, 1763700000.25, 7}).

counter(Count) ->
    receive
        {count, From, Ref} -> From ! {Ref, Count}, counter(Count);
        {status, _, _, _, _, _} -> counter(Count + 1)
    end.

ring() ->
    receive {next, Next} -> ring(Next) end.

ring(Next) ->
    receive
        {hop, 0, From} -> From ! done, ring(Next);
        {hop, Left, From} -> Next ! {hop, Left - 1, From}, ring(Next)
    end.

ask(To) ->
    Ref = make_ref(),
    To ! {count, self(), Ref},
    receive {Ref, Count} -> Count after 5000 -> exit(timeout) end.

repeat(0, _) -> ok;
repeat(Times, Fun) -> Fun(), repeat(Times - 1, Fun).

rounds(Operations, Fun) ->
    Fun(),
    Taken = lists:sort([element(1, timer:tc(Fun)) || _ <- lists:seq(1, 5)]),
    lists:nth(3, Taken) * 1000 / Operations.

burst(To, Bursts, Size) ->
    repeat(Bursts, fun() -> repeat(Size, fun() -> To ! ?STATUS end), ask(To) end).

local() ->
    Counter = spawn(?MODULE, counter, [0]),
    Tell = rounds(100000, fun() -> burst(Counter, 100, 1000) end),
    Ask = rounds(20000, fun() -> repeat(20000, fun() -> ask(Counter) end) end),
    Ring = [spawn(?MODULE, ring, []) || _ <- lists:seq(1, 100)],
    lists:foreach(fun({This, Next}) -> This ! {next, Next} end, lists:zip(Ring, tl(Ring) ++ [hd(Ring)])),
    Hop = rounds(50000, fun() -> hd(Ring) ! {hop, 50000, self()}, receive done -> ok end end),
    Spawn = rounds(10000, fun() -> repeat(10000, fun() -> spawn(?MODULE, counter, [0]) end) end),
    report([{"local_tell", Tell}, {"local_ask", Ask}, {"ring", Hop}, {"spawn", Spawn}]).

remote() ->
    true = net_kernel:connect_node('server@127.0.0.1'),
    rpc:call('server@127.0.0.1', erlang, whereis, [counter]).

tell() ->
    Counter = remote(),
    report([{"remote_tell", rounds(50000, fun() -> burst(Counter, 200, 250) end)}]).

ask() ->
    Counter = remote(),
    repeat(500, fun() -> ask(Counter) end),
    Taken = lists:sort([begin
        Began = erlang:monotonic_time(nanosecond), ask(Counter), erlang:monotonic_time(nanosecond) - Began
    end || _ <- lists:seq(1, 5000)]),
    report([{"remote_ask_p50", float(lists:nth(2500, Taken))}, {"remote_ask_p99", float(lists:nth(4950, Taken))}]).

report(Figures) ->
    Items = [io_lib:format("\"~s\": ~.1f", [Name, Value]) || {Name, Value} <- Figures],
    io:format("{~s}~n", [lists:join(", ", Items)]),
    halt().

serve() ->
    register(counter, spawn(?MODULE, counter, [0])),
    io:format("ready~n"),
    io:get_line(""),
    halt().
