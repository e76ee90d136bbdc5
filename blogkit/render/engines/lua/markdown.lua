-- Reading Markdown and writing HTML, with the extensions that Quarto reads by default.

local text = {}

text.FORMAT = "markdown"

function text.read(markdown)
  return pandoc.read(markdown, text.FORMAT)
end

-- Markdown of one paragraph as inlines; of several, joined by spaces.
function text.inlines(markdown)
  if markdown == "" then
    return pandoc.Inlines({})
  end
  if not markdown:find("[^%w%s,.;:()]") then
    return pandoc.Inlines(markdown)
  end
  local blocks = text.read(markdown).blocks
  if #blocks == 1 and (blocks[1].t == "Para" or blocks[1].t == "Plain") then
    return blocks[1].content
  end
  return pandoc.utils.blocks_to_inlines(blocks, { pandoc.Space() })
end

function text.html(blocks, writer)
  return pandoc.write(pandoc.Pandoc(blocks), "html5", writer)
end

return text
