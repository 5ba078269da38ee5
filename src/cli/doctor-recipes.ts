/** Lines to paste for places where Binder is not simply there. */
export interface Recipe {
  readonly title: string;
  readonly lines: readonly string[];
}

const ALLOW =
  '--device /dev/fuse --cap-add SYS_ADMIN --cap-add SYS_PTRACE --security-opt apparmor=unconfined';

/** What `ubinder doctor` prints at its end. */
export const recipes: readonly Recipe[] = [
  {
    title: 'Docker, all in one container',
    lines: [`docker run ${ALLOW} IMAGE ubinder run -- COMMAND`],
  },
  {
    title: 'Docker, served by the host (bind the directory, never a device in it)',
    lines: [
      'sudo ubinder up --mount /run/binderfs',
      'docker run --mount type=bind,source=/run/binderfs,target=/dev/binderfs IMAGE \\',
      "  sh -c 'ln -s binderfs/binder /dev/binder; exec COMMAND'",
    ],
  },
  {
    title: 'GitHub Actions, on ubuntu-latest',
    lines: ['- run: sudo env "PATH=$PATH" npx ubinder run -- COMMAND'],
  },
  {
    title: 'GitLab runner with Docker, in config.toml',
    lines: [
      '[runners.docker]',
      '  devices = ["/dev/fuse"]',
      '  cap_add = ["SYS_ADMIN", "SYS_PTRACE"]',
      '  security_opt = ["apparmor:unconfined"]',
    ],
  },
  {
    title: 'WSL2',
    lines: [
      'wsl --update                # in Windows: the kernel should be 5.10 or newer',
      'sudo modprobe fuse          # where it is not built in',
      'sudo chmod 0666 /dev/fuse   # for `ubinder run` without sudo',
    ],
  },
];
