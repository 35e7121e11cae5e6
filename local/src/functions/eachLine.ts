/** Splits a process's output into lines at "\n" only: AWS's client writes line breaks inside a message as "\r". */
import type { Readable } from "node:stream"

/** Calls `onLine` for each line of the stream; resolves when the stream has ended. */
export const eachLine = (stream: Readable, onLine: (line: string) => void): Promise<void> =>
  new Promise((resolve) => {
    let rest = ""
    stream.setEncoding("utf8")
    stream.on("data", (text: string) => {
      const lines = (rest + text).split("\n")
      rest = lines.pop() ?? ""
      for (const line of lines) onLine(line)
    })
    stream.once("close", () => {
      if (rest !== "") onLine(rest)
      resolve()
    })
  })
