/** Every command by its name, words joined by `:`. The file's path is the command's name. */
import type { Command } from '@oclif/core';
import CodeShow from './code/show.ts';
import CodeSign from './code/sign.ts';
import Dev from './dev.ts';
import Exec from './exec.ts';
import Help from './help.ts';
import KeysNew from './keys/new.ts';
import PoolCard from './pool/card.ts';
import PoolInit from './pool/init.ts';
import Release from './release.ts';
import Renew from './renew.ts';
import Request from './request.ts';
import RlfAdd from './rlf/add.ts';
import RlfDiff from './rlf/diff.ts';
import RlfSign from './rlf/sign.ts';
import RlfTemplate from './rlf/template.ts';
import RlfVerify from './rlf/verify.ts';
import Serve from './serve.ts';
import ServerNew from './server/new.ts';
import Session from './session.ts';
import Status from './status.ts';
import Version from './version.ts';

export const COMMANDS: Readonly<Record<string, typeof Command>> = {
  'code:show': CodeShow,
  'code:sign': CodeSign,
  dev: Dev,
  exec: Exec,
  help: Help,
  'keys:new': KeysNew,
  'pool:card': PoolCard,
  'pool:init': PoolInit,
  release: Release,
  renew: Renew,
  request: Request,
  'rlf:add': RlfAdd,
  'rlf:diff': RlfDiff,
  'rlf:sign': RlfSign,
  'rlf:template': RlfTemplate,
  'rlf:verify': RlfVerify,
  serve: Serve,
  'server:new': ServerNew,
  session: Session,
  status: Status,
  version: Version,
};
