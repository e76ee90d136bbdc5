-- The embedded engine's worker: reads one JSON request a line, writes one JSON answer a line, until its input ends.
-- Started once per core as `pandoc lua worker.lua FOLDER`; starting pandoc costs more than rendering a post.

package.path = arg[1] .. "/?.lua;" .. package.path
local document = require("document")

for line in io.lines() do
  local request = pandoc.json.decode(line, false)
  local ok, answer = xpcall(document.render, debug.traceback, request)
  if not ok then
    answer = { failure = tostring(answer) }
  end
  answer.id = request.id
  io.stdout:write(pandoc.json.encode(answer), "\n")
  io.stdout:flush()
  answer, request = nil, nil
  collectgarbage() -- Lua does not see how much of Haskell's memory a small handle holds
end
