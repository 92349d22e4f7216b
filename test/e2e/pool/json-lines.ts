/** What a process of clients says: a JSON document a line. */

export async function readJsonLines<Line>(
  stream: ReadableStream<Uint8Array>,
  hear: (line: Line) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const text of lines) hear(JSON.parse(text) as Line);
  }
}
