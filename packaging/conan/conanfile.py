"""Recipe of Conan 2 for the C and C++ library: packages the archive of a release."""

from pathlib import Path

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.files import copy, get


class AmopConan(ConanFile):
    name = "amop"
    description = "Client for AMOP, the publish/subscribe messaging of FISCO BCOS chains"
    license = "Apache-2.0"
    homepage = "https://example.org/amop"
    url = "https://example.org/amop"
    topics = ("amop", "fisco-bcos", "pubsub", "messaging", "blockchain")
    package_type = "library"
    settings = "os", "arch"
    options = {"shared": [True, False], "with_devnet": [True, False]}
    default_options = {"shared": False, "with_devnet": False}

    def validate(self):
        if str(self.settings.os) != "Linux" or str(self.settings.arch) != "x86_64":
            raise ConanInvalidConfiguration("the archives of a release are for Linux on x86_64: build others from the source")

    def build(self):
        get(self, **self.conan_data["sources"][self.version], strip_root=True)

    def package(self):
        source, package = Path(self.build_folder), Path(self.package_folder)
        libraries = source / "lib" / "with-devnet" if self.options.with_devnet else source / "lib"
        copy(self, "*", source / "share" / "doc" / "amop", package / "licenses")
        copy(self, "*", source / "include", package / "include")
        copy(self, "libamop.so*" if self.options.shared else "libamop.a", libraries, package / "lib", keep_path=False)

    def package_info(self):
        self.cpp_info.libs = ["amop"]
        self.cpp_info.set_property("cmake_file_name", "amop")
        self.cpp_info.set_property("cmake_target_name", "amop::amop" if self.options.shared else "amop::static")
        self.cpp_info.set_property("pkg_config_name", "amop" if self.options.shared else "amop-static")
        if not self.options.shared:
            self.cpp_info.system_libs = ["gcc_s", "util", "rt", "pthread", "m", "dl", "c"]
