// `completions`: prints the script with which a shell completes commands and options.

import { command } from "../command.ts";

/** The command `completions`. */
export const completions = command({
  name: "completions",
  about: "Prints what a shell needs to complete the commands and options of mqtt5.",
  usage: "bash|zsh|fish",
  examples: [
    "completions bash > ~/.local/share/bash-completion/completions/mqtt5",
    "completions fish > ~/.config/fish/completions/mqtt5.fish",
  ],
  exitCodes: "0; 2 for a wrong command line.",
  options: {},
  permissions: () => ({}),
  load: () => import("./completions_run.ts"),
});
