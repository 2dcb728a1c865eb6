-- wrk compares every answer with a file: `wrk -s wrk.lua URL -- FILE DEPTH`; DEPTH requests go out at a time.

local threads = {}

function setup(thread)
    table.insert(threads, thread)
end

function init(arguments)
    local file = assert(io.open(arguments[1], "rb"))
    expected = file:read("*a")
    file:close()
    wrong = 0
    batch = string.rep(wrk.format("GET"), tonumber(arguments[2]))
end

function request()
    return batch
end

function response(status, _, body)
    if status ~= 200 or body ~= expected then wrong = wrong + 1 end
end

function done(summary)
    local wrong = 0
    for _, thread in ipairs(threads) do wrong = wrong + thread:get("wrong") end
    local errors = summary.errors
    wrong = wrong + errors.connect + errors.read + errors.write + errors.timeout
    print(string.format("requests=%d wrong=%d", summary.requests, wrong))
end
