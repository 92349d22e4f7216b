/** The yardstick: a server that reads the frames of lm over TLS 1.3 and sends each one back. */
import { encodeFrame, FrameParser } from '../src/net/frames.ts';
import { createIdentity } from '../src/net/identity.ts';
import { serverTls } from '../src/net/listener.ts';

const FRAME_BYTES_MAX = 64 * 1024;
const identity = await createIdentity('echo');
const server = Bun.listen<FrameParser>({
  hostname: '127.0.0.1',
  port: 0,
  tls: serverTls(identity),
  socket: {
    open(socket) {
      socket.data = new FrameParser(FRAME_BYTES_MAX);
    },
    data(socket, chunk) {
      const frames: Uint8Array[] = [];
      socket.data.push(chunk, (message) => {
        frames.push(encodeFrame(message));
        return true;
      });
      const [first] = frames;
      if (first !== undefined) socket.write(frames.length === 1 ? first : Buffer.concat(frames));
    },
  },
});
process.stdout.write(`ready port=${server.port}\n`);
