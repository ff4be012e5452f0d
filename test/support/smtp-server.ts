import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { freePort, listening, type RunningProcess, runProcess, startProcess } from "./processes.ts";
import { certificate } from "./smtp-certificate.ts";

/** A mail server that is not ours: exim, on two ports of loopback, delivering into one folder. */
export interface MailServer {
  readonly startTlsPort: number;
  readonly tlsPort: number;
  /** The certificate to trust. */
  readonly trusted: string;
  /** What was delivered, as it lies in the mailbox. */
  delivered(): readonly string[];
  close(): Promise<void>;
}

export const MAIL_USER = "glasswatch";
export const MAIL_PASSWORD = "sEcReTeximPassword";
/** Recipients that the server treats in its own ways. */
export const UNKNOWN_RECIPIENT = "nobody@example.com";
export const SLOW_RECIPIENT = "slow@example.com";

export async function startMailServer(exim: string): Promise<MailServer> {
  const folder = mkdtempSync(join(tmpdir(), "glasswatch-exim-"));
  const { key, cert } = certificate(Date.now());
  writeFileSync(join(folder, "key.pem"), key);
  writeFileSync(join(folder, "cert.pem"), cert);
  for (const name of ["spool", "log", "mail"]) mkdirSync(join(folder, name));
  const [startTlsPort, tlsPort] = [await freePort(), await freePort()];
  const config = join(folder, "exim.conf");
  const isRoot = process.getuid?.() === 0;
  const user = isRoot ? "mail" : userInfo().username;
  writeFileSync(config, configuration({ folder, user, startTlsPort, tlsPort }));
  if (isRoot) await givenTo(user, folder);

  let running: RunningProcess;
  try {
    // In the foreground, so that it ends with its process group.
    running = startProcess(exim, ["-C", config, "-bdf"]);
    await listening(running, startTlsPort);
    await listening(running, tlsPort);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const inbox = join(folder, "mail", "new");
  return {
    startTlsPort,
    tlsPort,
    trusted: cert,
    delivered: () =>
      existsSync(inbox)
        ? readdirSync(inbox)
            .toSorted()
            .map((name) => readFileSync(join(inbox, name), "utf8"))
        : [],
    close: async () => {
      await running.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function givenTo(user: string, folder: string): Promise<void> {
  const ids = await Promise.all(
    ["-u", "-g"].map(async (flag) => Number((await runProcess("id", [flag, user])).stdout.trim())),
  );
  const [uid = 0, gid = 0] = ids;
  chownSync(folder, uid, gid);
  for (const name of readdirSync(folder)) if (name !== "exim.conf") chownSync(join(folder, name), uid, gid);
}

interface Place {
  readonly folder: string;
  readonly user: string;
  readonly startTlsPort: number;
  readonly tlsPort: number;
}

function configuration({ folder, user, startTlsPort, tlsPort }: Place): string {
  return `
primary_hostname = mail.example.com
exim_user = ${user}
exim_group = ${user}
deliver_drop_privilege = true
keep_environment =
spool_directory = ${folder}/spool
log_file_path = ${folder}/log/%slog
pid_file_path = ${folder}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${startTlsPort} : ${tlsPort}
tls_on_connect_ports = ${tlsPort}
tls_advertise_hosts = *
tls_certificate = ${folder}/cert.pem
tls_privatekey = ${folder}/key.pem
auth_advertise_hosts = \${if eq{$tls_in_cipher}{}{}{*}}
message_size_limit = 1M
acl_smtp_rcpt = recipients

begin acl
recipients:
  deny !encrypted = *
       message = encryption is required
  deny !authenticated = *
       message = authentication is required
  deny local_parts = nobody
       message = there is no such person
  defer local_parts = slow
       message = later
  accept

begin routers
everybody:
  driver = accept
  transport = mailbox

begin transports
mailbox:
  driver = appendfile
  maildir_format
  directory = ${folder}/mail
  create_directory
  delivery_date_add
  envelope_to_add
  user = ${user}

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and{{eq{$auth2}{${MAIL_USER}}}{eq{$auth3}{${MAIL_PASSWORD}}}}}
  server_set_id = $auth2
`;
}
