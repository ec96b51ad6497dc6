-- For wrk: posts the file that BODY names, and says how many answers were none.
local file = assert(io.open(os.getenv("BODY"), "rb"))
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = file:read("*a")
file:close()

function done(summary, latency, _)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  print(string.format("result %d %d %d %d %d", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), failed))
end
