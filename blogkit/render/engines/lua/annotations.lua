-- Code annotations: comments such as `# <1>` at the end of a line, and the numbered list under the block that explains them.

local annotations = {}

-- How a line's comment begins and ends, by language; `#` elsewhere.
local COMMENTS = {
  javascript = { "//" }, typescript = { "//" }, js = { "//" }, ts = { "//" }, java = { "//" }, c = { "//" },
  cpp = { "//" }, rust = { "//" }, go = { "//" }, swift = { "//" }, kotlin = { "//" }, scala = { "//" }, dart = { "//" },
  csharp = { "//" }, fsharp = { "//" }, php = { "//" }, scss = { "//" }, ojs = { "//" }, dot = { "//" },
  groovy = { "//" }, stan = { "#" }, sql = { "--" }, mysql = { "--" }, psql = { "--" }, lua = { "--" }, haskell = { "--" },
  matlab = { "%" }, latex = { "%" }, tex = { "%" }, octave = { "#" }, mermaid = { "%%" }, lisp = { ";" },
  css = { "/*", "*/" }, sas = { "*", ";" }, html = { "<!--", "-->" }, xml = { "<!--", "-->" }, svg = { "<!--", "-->" },
  markdown = { "<!--", "-->" }, fortran = { "!" }, fortran95 = { "!" }, vb = { "'" },
}

local function literal(text)
  return (text:gsub("%p", "%%%0"))
end

-- Takes the marks out of a block; returns the lines of each mark, or nil where there is none.
local function take_marks(block)
  local comment = COMMENTS[block.classes[1] or ""] or { "#" }
  local pattern = "^(.-)%s*" .. literal(comment[1]) .. "%s*<(%d+)>%s*" .. (comment[2] and literal(comment[2]) .. "%s*" or "") .. "$"
  local marks, lines, number = {}, {}, 0
  local any = false
  for line in (block.text .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    local code, mark = line:match(pattern)
    if code then
      any = true
      line = code
      mark = tonumber(mark)
      marks[mark] = marks[mark] or {}
      table.insert(marks[mark], number)
    end
    lines[#lines + 1] = line
  end
  if not any then
    return nil
  end
  block.text = table.concat(lines, "\n")
  return marks
end

local function explain(list, marks, cell)
  local items = pandoc.List({})
  for position, item in ipairs(list.content) do
    local number = list.start + position - 1
    if marks[number] then
      local words = item[1] and item[1].content or pandoc.Inlines({})
      items:insert({
        pandoc.Inlines({ pandoc.Str(tostring(number)) }),
        { pandoc.Plain({
          pandoc.Span(words, pandoc.Attr("", {}, {
            { "data-code-cell", cell },
            { "data-code-lines", table.concat(marks[number], ",") },
            { "data-code-annotation", tostring(number) },
          })),
        }) },
      })
    end
  end
  return pandoc.DefinitionList(items)
end

-- A list of blocks with every annotated code block and its list resolved.
function annotations.apply(s, doc)
  local setting = s.options["code-annotations"]
  if setting == false then
    return doc
  end
  local count = 0
  local function mark(block)
    count = count + 1
    local marks = take_marks(block)
    if not marks then
      return nil
    end
    local id = block.identifier ~= "" and block.identifier or "annotated-cell-" .. count
    if setting ~= "none" then
      block.identifier = id
      block.classes:insert("code-annotation-code")
    end
    return marks, id
  end
  return doc:walk({
    traverse = "topdown",
    Blocks = function(list)
      local out, marks, cell, holder = pandoc.Blocks({}), nil, nil, nil
      for _, block in ipairs(list) do
        if block.t == "CodeBlock" and not block.classes:includes("cell-code") then
          marks, cell = mark(block)
          holder = nil
          out:insert(block)
        elseif block.t == "Div" and block.classes:includes("cell") then
          marks, holder = nil, nil
          local content = block.content:clone()
          for number, inner in ipairs(content) do
            if inner.t == "CodeBlock" and inner.classes:includes("cell-code") then
              marks, cell = mark(inner)
              content[number] = inner
              holder = marks and { at = #out + 1, after = number } or nil
            end
          end
          block.content = content
          out:insert(block)
        elseif block.t == "OrderedList" and marks then
          local explained = explain(block, marks, cell)
          if setting ~= "none" then
            if holder then
              local around = out[holder.at]
              around.content:insert(holder.after + 1, pandoc.Div({ explained }, pandoc.Attr("", { "cell-annotation" })))
              out[holder.at] = around
            else
              out:insert(explained)
            end
          end
          marks, holder = nil, nil
        else
          marks, holder = nil, nil
          out:insert(block)
        end
      end
      return out
    end,
  })
end

return annotations
