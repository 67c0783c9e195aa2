"""The stages of a build, each from files to files: `network` trains, `firmware` compiles, `bundle` packs."""
