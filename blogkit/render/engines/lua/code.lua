-- Code blocks: file names, folding, line numbers, annotations; and raw text of other formats.

local state = require("state")
local text = require("markdown")

local code = {}

local function raw(html)
  return pandoc.RawBlock("html", html)
end

local function escaped(words)
  return (words:gsub("[&<>\"]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }))
end

local function option(s, block, name)
  local own = block.attributes[name]
  block.attributes[name] = nil
  if own ~= nil then
    return own
  end
  return s.options[name]
end

function code.block(s, block)
  local filename = block.attributes["filename"]
  block.attributes["filename"] = nil
  local numbers = option(s, block, "code-line-numbers")
  if (numbers == true or numbers == "true") and not block.classes:includes("number-lines") then
    block.classes:insert("number-lines")
  end
  local fold = option(s, block, "code-fold")
  local summary = option(s, block, "code-summary") or s.language["code-summary"] or "Code"
  block.attributes["shortcodes"] = nil
  local result = pandoc.Blocks({ block })
  if block.classes:includes("cell-code") and fold ~= nil and fold ~= false and fold ~= "false" and fold ~= "none" then
    local open = fold == "show" and " open" or ""
    local words = pandoc.Inlines({ pandoc.RawInline("html", '<details class="code-fold"' .. open .. "><summary>") })
    words:extend(text.inlines(tostring(summary)))
    words:insert(pandoc.RawInline("html", "</summary>"))
    result = pandoc.Blocks({ pandoc.Plain(words), block, raw("</details>") })
  end
  if filename then
    local head = pandoc.Div({ raw("<pre><strong>" .. escaped(filename) .. "</strong></pre>") },
      pandoc.Attr("", { "code-with-filename-file" }))
    result:insert(1, head)
    result = pandoc.Blocks({ pandoc.Div(result, pandoc.Attr("", { "code-with-filename" })) })
  end
  if #result > 1 then
    return pandoc.Div(result, pandoc.Attr("", { "code-fold-box" }))
  end
  return result
end

-- `{{python}}`, which says that a cell is shown and not run, reads `{python}`.
function code.unescape(element)
  if not element.text:find("{{", 1, true) then
    return nil
  end
  local count
  if element.t == "CodeBlock" then
    element.text, count = element.text:gsub("(```+){({+[^{}<]+}+)}", "%1%2")
    if count > 0 and #element.classes == 0 then
      element.classes:insert("markdown")
    end
  else
    element.text = element.text:gsub("^(`*%s?){({+[^{}<]+}+)}", "%1%2")
  end
  return element
end

-- Raw HTML stays; what is marked for another format goes, as in Quarto; TeX that nothing would show is said.
function code.raw(s, element)
  local format = element.format
  if format == "html" or format == "html5" or format == "html4" then
    return nil
  end
  if format == "tex" then
    local words = element.text:match("^%s*(.-)%s*$")
    if words:match("^\\begin") or words == "" then
      return nil
    end
    if words:match("^\\newcommand") or words:match("^\\def") or words:match("^\\renewcommand")
      or words:match("^\\newpage") or words:match("^\\pagebreak") or words:match("^\\clearpage") then
      return nil
    end
    state.problem(s, "the LaTeX command " .. words:sub(1, 40) .. " has no meaning in a web page.", words:sub(1, 20),
      "Write it in Markdown, put mathematics between $ signs, or write \\\\ for a backslash.")
  end
  return nil
end

return code
